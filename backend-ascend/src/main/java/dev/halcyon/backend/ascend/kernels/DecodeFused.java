package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.HostArray;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.stream.LongStream;

/// A decode step by CANN's fused attention, which takes the lengths from the host.
///
/// Where the host has published what the operator may not see, the step runs by [DecodeProducts]
/// instead, which counts the faults and leaves out what is not there.
final class DecodeFused {
    private static final int LATENT = 512;
    private static final int ROPE = 64;
    private static final int MOST_HEADS = 128;
    private static final int MOST_QUERIES = 16;
    private static final int BLOCK_STEP = 16;
    private static final int MOST_BLOCK = 1024;

    private DecodeFused() {}

    /// {@return whether the processor and the installed CANN have the operator, for caches of this
    /// form}
    static boolean exists(Platform platform, DType dtype, int latentDim, int ropeDim) {
        return FusedAttention.exists(platform)
                && dtype.bits() == 16
                && dtype.isFloatingPoint()
                && latentDim == LATENT
                && ropeDim == ROPE;
    }

    /// {@return whether a step is inside the operator's limits}
    static boolean takes(Platform platform, MlaDecode spec) {
        CacheFormat cache = spec.cache();
        return spec.hostLengths()
                && !spec.sink()
                && !spec.batchInvariant()
                && CacheRows.isApart(cache)
                && exists(platform, cache.dtype(), cache.latentDim(), cache.ropeDim())
                && spec.query() == cache.dtype()
                && spec.out() == cache.dtype()
                && spec.accumulate() == DType.F32
                && Integer.bitCount(spec.heads()) == 1
                && spec.heads() <= MOST_HEADS
                && spec.queriesPerSequence() <= MOST_QUERIES
                && cache.rowsPerPage() % BLOCK_STEP == 0
                && cache.rowsPerPage() <= MOST_BLOCK;
    }

    /// Adds the step.
    ///
    /// @param host null to plan with
    static void compose(
            Composition c, MlaDecode spec, DecodeViews views, @Nullable HostSequences host) {
        boolean empty = views.lengths().dim(0) == 0 || views.cache().slots() == 0;
        if (empty || views.maxLogit() != null && c.isBound()) {
            // The operator keeps its largest logits to itself.
            DecodeProducts.compose(c, spec, views);
            return;
        }
        AclDataType type = View.typeOf(spec.query());
        long queries = views.query().dim(0);
        long heads = spec.heads();
        View latents = c.scratch(type, queries, heads, LATENT);
        c.copy(views.query().slice(2, 0, LATENT), latents);
        View ropes = c.scratch(type, queries, heads, ROPE);
        c.copy(views.query().slice(2, LATENT, LATENT + ROPE), ropes);
        View out = place(c, views.out());
        View lse = views.logSumExp() == null ? null : place(c, views.logSumExp());
        DecodeViews placed = views.withResults(out, lse);
        FusedAttention attention = attention(c, spec, placed, latents, ropes, host);
        attention.addHostPlanned(
                c,
                () -> host == null || host.fit(),
                other -> DecodeProducts.compose(other, spec, placed));
        if (out != views.out()) {
            c.copy(out, views.out());
        }
        if (lse != null && lse != views.logSumExp()) {
            c.copy(lse, views.logSumExp());
        }
    }

    private static View place(Composition c, View wanted) {
        return c.isDense(wanted) ? wanted : c.scratch(wanted.type(), wanted.dims());
    }

    private static FusedAttention attention(
            Composition c,
            MlaDecode spec,
            DecodeViews views,
            View latents,
            View ropes,
            @Nullable HostSequences host) {
        int each = spec.queriesPerSequence();
        int rows = spec.cache().rowsPerPage();
        List<CacheRows.Part> parts = views.cache().parts();
        View keys = blocks(parts.get(0), rows);
        long sequences = views.lengths().dim(0);
        long[] ends = LongStream.rangeClosed(1, sequences).map(b -> b * each).toArray();
        return new FusedAttention(
                latents,
                ropes,
                keys,
                keys,
                blocks(parts.get(1), rows),
                each > 1 ? FusedAttention.causalMask(c) : null,
                ends,
                host == null ? new HostArray(() -> ends, ends) : host.rows(),
                views.blockTable(),
                spec.heads(),
                1,
                spec.softmaxScale(),
                rows,
                views.out(),
                views.logSumExp());
    }

    private static View blocks(CacheRows.Part part, int rows) {
        return part.rows().reshape(part.rows().dim(0) / rows, rows, part.rows().dim(1));
    }
}

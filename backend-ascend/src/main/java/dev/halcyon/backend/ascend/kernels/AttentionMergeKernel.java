package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [AttentionMerge] part by part with a [RunningSoftmax], in F32.
record AttentionMergeKernel(Platform platform)
        implements Kernel<AttentionMerge, AttentionMerge.Args, AscendWork> {
    private static final String NAME = "attention-merge";

    /// What the intermediates of a block of rows may take.
    private static final long BLOCK_BYTES = 128L << 20;

    private record Views(
            View partial, View lse, @Nullable View sink, View out, @Nullable View logSumExp) {}

    @Override
    public Class<AttentionMerge> specType() {
        return AttentionMerge.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<AttentionMerge.Args, AscendWork> decide(AttentionMerge spec, Limits limits) {
        Decision<AttentionMerge.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        if (Composed.compute(spec.in(), spec.out()) == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "attention is not computed in F64 here",
                    "F32 operands");
        }
        long rows = spec.maxRows();
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        View.unbound(spec.in(), spec.parts(), rows, spec.heads(), spec.dim()),
                        View.unbound(DType.F32, spec.parts(), rows, spec.heads()),
                        spec.sink() ? View.unbound(DType.F32, spec.heads()) : null,
                        View.unbound(spec.out(), rows, spec.heads(), spec.dim()),
                        View.unbound(DType.F32, rows, spec.heads())),
                args ->
                        new Views(
                                View.of(args.partial()),
                                View.of(args.partialLse()),
                                Composed.optional(args.sink()),
                                View.of(args.out()),
                                Composed.optional(args.logSumExp())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, AttentionMerge spec, Views views) {
        long rows = views.out().dim(0);
        long step =
                Math.max(1, BLOCK_BYTES / (4L * Float.BYTES * spec.heads() * (spec.dim() + 4L)));
        for (long from = 0; from < rows; from += step) {
            long end = Math.min(rows, from + step);
            long mark = c.mark();
            RunningSoftmax softmax =
                    new RunningSoftmax(c, end - from, spec.heads(), spec.dim(), false);
            for (int part = 0; part < spec.parts(); part++) {
                merge(
                        c,
                        views.partial().get(part).slice(0, from, end),
                        views.lse().get(part).slice(0, from, end),
                        softmax);
            }
            View lse = views.logSumExp();
            softmax.finish(
                    views.sink() == null ? null : views.sink().unsqueeze(0),
                    views.out().slice(0, from, end),
                    lse == null ? null : lse.slice(0, from, end));
            c.release(mark);
            if (!c.isBound()) {
                return;
            }
        }
    }

    private static void merge(Composition c, View partial, View lse, RunningSoftmax softmax) {
        long mark = c.mark();
        View own = c.scratch(AclDataType.FLOAT, lse.dims());
        c.copy(lse, own);
        View opposite = c.scratch(AclDataType.FLOAT, lse.dims());
        c.multiply(own, -1, opposite);
        View outputs = c.scratch(AclDataType.FLOAT, partial.dims());
        c.convert(partial, outputs);
        // Infinities of either sign mark a part without keys.
        for (View sign : List.of(own, opposite)) {
            View empty = c.greater(sign, -RunningSoftmax.HIDDEN);
            c.fillWhere(outputs, empty.unsqueeze(2), 0);
            c.fillWhere(own, empty, RunningSoftmax.HIDDEN);
        }
        softmax.merge(own.unsqueeze(2), outputs);
        c.release(mark);
    }
}

package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.HostArray;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

/// Prefill by CANN's fused attention, which takes the sequences from the host.
///
/// Keys are put together with their rotated part, which all heads share, to the width of the
/// queries: then those need no copy. Where the host has published sequences that the operator may
/// not see, [PrefillProducts] runs instead.
final class PrefillFused {
    private static final int NOPE = 128;
    private static final int ROPE = 64;
    private static final int VALUE = 128;
    private static final int MOST_HEADS = 128;

    private PrefillFused() {}

    /// {@return whether an attention is inside the operator's limits}
    static boolean takes(Platform platform, MlaPrefill spec) {
        DType in = spec.in();
        return spec.hostStarts()
                && FusedAttention.exists(platform)
                && !spec.sink()
                && in.bits() == 16
                && spec.out() == in
                && spec.nopeDim() == NOPE
                && spec.ropeDim() == ROPE
                && spec.valueDim() == VALUE
                && spec.heads() <= MOST_HEADS;
    }

    /// Adds the attention.
    ///
    /// @param host null to plan with
    static void compose(
            Composition c, MlaPrefill spec, PrefillViews views, @Nullable HostStarts host) {
        long queries = views.query().dim(0);
        long keys = views.key().dim(0);
        boolean empty = queries == 0 || keys == 0 || views.queryStart().dim(0) == 1;
        if (empty || views.maxLogit() != null && c.isBound()) {
            // The operator keeps its largest logits to itself.
            PrefillProducts.compose(c, spec, views);
            return;
        }
        View query = c.dense(views.query());
        View key = c.scratch(query.type(), keys, spec.heads(), NOPE + ROPE);
        c.copy(views.key(), key.slice(2, 0, NOPE));
        View rope = key.slice(2, NOPE, NOPE + ROPE);
        c.fill(rope, 0);
        c.addTo(rope, views.ropeKey().unsqueeze(1), 1);
        View value = c.dense(views.value());
        View out = place(c, views.out());
        View lse = views.logSumExp() == null ? null : place(c, views.logSumExp());
        PrefillViews placed = views.withResults(out, lse);
        HostArray none = new HostArray(() -> new long[] {1}, new long[] {1});
        new FusedAttention(
                        query,
                        null,
                        key,
                        value,
                        null,
                        spec.causal() ? FusedAttention.causalMask(c) : null,
                        host == null ? none : host.queryEnds(),
                        host == null ? none : host.keyEnds(),
                        null,
                        spec.heads(),
                        spec.heads(),
                        spec.softmaxScale(),
                        0,
                        out,
                        lse)
                .addHostPlanned(
                        c,
                        () -> host == null || host.fit(),
                        other -> PrefillProducts.compose(other, spec, placed));
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
}

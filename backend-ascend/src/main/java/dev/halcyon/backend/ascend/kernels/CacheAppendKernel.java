package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.stream.IntStream;

/// [CacheAppend] by one scatter of rows, or one each of latents and rope keys.
///
/// A scatter cannot leave rows out, so a token without slot writes what the first token with one
/// writes, to the same place; where no token has one, all write back what slot 0 holds.
record CacheAppendKernel(Platform platform)
        implements Kernel<CacheAppend, CacheAppend.Args, AscendWork> {
    private static final String NAME = "cache-append.index-put";

    private record Views(
            View latent, View ropeKey, View slots, CacheRows cache, @Nullable View activeRows) {}

    @Override
    public Class<CacheAppend> specType() {
        return CacheAppend.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<CacheAppend.Args, AscendWork> decide(CacheAppend spec, Limits limits) {
        DType stored = spec.cache().dtype();
        Decision<CacheAppend.Args, AscendWork> refusal = CacheRows.refusal(spec.cache());
        if (refusal == null) {
            refusal = Composed.refuseBf16(platform, stored, spec.in());
        }
        if (refusal == null && stored.bits() < 16) {
            refusal =
                    Decision.refused(
                            Support.Reason.FORMAT,
                            "no operator of this processor rounds to " + stored,
                            "a cache of BF16, F16 or F32");
        }
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(Composed.compute(stored, spec.in())),
                new Views(
                        View.unbound(spec.in(), spec.maxTokens(), spec.cache().latentDim()),
                        View.unbound(spec.in(), spec.maxTokens(), spec.cache().ropeDim()),
                        View.unbound(DType.I32, spec.maxTokens()),
                        CacheRows.unbound(spec.cache()),
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.latent()),
                                View.of(args.ropeKey()),
                                View.of(args.slots()),
                                CacheRows.of(args.cache()),
                                Composed.optional(args.activeRows())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, CacheAppend spec, Views views) {
        int tokens = Math.toIntExact(views.slots().dim(0));
        if (tokens == 0) {
            return;
        }
        int width = spec.cache().rowDim();
        int split = spec.cache().latentDim();
        AclDataType type = View.typeOf(spec.cache().dtype());
        View live = RowBounds.replaceDead(c, views.slots(), views.activeRows(), -1);
        View slots = c.scratch(AclDataType.INT32, tokens);
        View skipped = c.checkIndices(live, views.cache().slots(), -1, 0, slots);
        if (views.cache().slots() == 0) {
            return;
        }
        View content = c.scratch(type, tokens, width);
        c.convert(views.latent(), content.slice(1, 0, split));
        c.convert(views.ropeKey(), content.slice(1, split, width));
        // Which token each writes for: itself, or the first that has a slot.
        View writes = c.scratch(AclDataType.INT32, tokens);
        c.convert(skipped, writes);
        c.multiplyBy(writes, -1);
        c.addTo(writes, 1);
        View first = c.scratch(AclDataType.INT64, 1);
        View flags = c.scratch(AclDataType.FLOAT, tokens);
        c.convert(writes, flags);
        c.call(Operator.ARG_MAX, flags.reshape(1, tokens), 1, false, first);
        View numbers = c.table(tokens + " slots", IntStream.range(0, tokens).toArray());
        View source = c.scratch(AclDataType.INT64, tokens);
        c.convert(numbers, source);
        View others = c.scratch(AclDataType.INT64, tokens);
        c.fill(others, 0);
        c.addTo(others, first, 1);
        View chosen = c.scratch(AclDataType.INT64, tokens);
        c.select(skipped, others, source, chosen);
        View places = c.scratch(AclDataType.INT32, tokens);
        c.gatherRows(slots, chosen, places);
        View wide = c.scratch(AclDataType.INT64, tokens);
        c.convert(places, wide);
        for (CacheRows.Part part : views.cache().parts()) {
            long columns = (long) part.end() - part.from();
            View own = content;
            if (columns < width) {
                own = c.scratch(type, tokens, columns);
                c.copy(content.slice(1, part.from(), part.end()), own);
            }
            View written = c.scratch(type, tokens, columns);
            c.gatherRows(own, chosen, written);
            keepWhereNobodyWrites(c, flags, part.rows(), written);
            c.call(Operator.INDEX_PUT_IMPL, part.rows(), List.of(wide), written, false, true);
        }
    }

    private static void keepWhereNobodyWrites(Composition c, View flags, View cache, View written) {
        View any = c.scratch(AclDataType.FLOAT, 1, 1);
        c.largestInRows(flags.reshape(1, flags.dim(0)), any);
        View everywhere = c.scratch(AclDataType.FLOAT, written.dims());
        c.fill(everywhere, 0);
        c.addTo(everywhere, any, 1);
        View zero = c.scratch(AclDataType.INT32, flags.dim(0));
        c.fill(zero, 0);
        View kept = c.scratch(written.type(), written.dims());
        c.gatherRows(cache, zero, kept);
        View fresh = c.scratch(written.type(), written.dims());
        c.copy(written, fresh);
        c.select(c.greater(everywhere, 0), fresh, kept, written);
    }
}

package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [CacheGather] by a gather of rows, split into latent and rope key.
record CacheGatherKernel(Platform platform)
        implements Kernel<CacheGather, CacheGather.Args, AscendWork> {
    private static final String NAME = "cache-gather";

    private record Views(
            CacheRows cache, View slots, View latent, View ropeKey, @Nullable View activeRows) {}

    @Override
    public Class<CacheGather> specType() {
        return CacheGather.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<CacheGather.Args, AscendWork> decide(CacheGather spec, Limits limits) {
        Decision<CacheGather.Args, AscendWork> refusal = CacheRows.refusal(spec.cache());
        if (refusal == null) {
            refusal = Composed.refuseBf16(platform, spec.cache().dtype(), spec.out());
        }
        if (refusal != null) {
            return refusal;
        }
        DType stored = spec.cache().dtype();
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(Composed.compute(stored, spec.out())),
                new Views(
                        CacheRows.unbound(spec.cache()),
                        View.unbound(DType.I32, spec.maxRows()),
                        View.unbound(spec.out(), spec.maxRows(), spec.cache().latentDim()),
                        View.unbound(spec.out(), spec.maxRows(), spec.cache().ropeDim()),
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                CacheRows.of(args.cache()),
                                View.of(args.slots()),
                                View.of(args.latent()),
                                View.of(args.ropeKey()),
                                Composed.optional(args.activeRows())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, CacheGather spec, Views views) {
        long rows = views.slots().dim(0);
        if (rows == 0) {
            return;
        }
        View live = RowBounds.replaceDead(c, views.slots(), views.activeRows(), -1);
        View slots = c.scratch(AclDataType.INT32, rows);
        View absent = c.checkIndices(live, views.cache().slots(), -1, 0, slots);
        DType stored = spec.cache().dtype();
        int split = spec.cache().latentDim();
        for (CacheRows.Part part : views.cache().parts()) {
            View codes = c.scratch(part.rows().type(), rows, part.rows().dim(1));
            if (part.rows().dim(0) == 0) {
                c.fill(codes, 0);
            } else {
                c.gatherRows(part.rows(), slots, codes);
            }
            View found = stored.bits() < 16 ? SmallFloats.decode(c, stored, codes) : codes;
            c.fillWhere(found, absent.unsqueeze(1), 0);
            if (part.from() < split) {
                c.convert(found.slice(1, 0, split), views.latent());
            }
            if (part.end() > split) {
                c.convert(
                        found.slice(
                                1,
                                Math.max(0, split - part.from()),
                                (long) part.end() - part.from()),
                        views.ropeKey());
            }
        }
    }
}

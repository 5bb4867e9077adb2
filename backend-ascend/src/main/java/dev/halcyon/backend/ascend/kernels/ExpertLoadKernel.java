package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [ExpertLoad] by a scatter of ones; what counts nowhere goes to a place behind the last expert.
record ExpertLoadKernel(Platform platform)
        implements Kernel<ExpertLoad, ExpertLoad.Args, AscendWork> {
    private static final String NAME = "expert-load.scatter";

    private record Views(View indices, View load, @Nullable View activeRows) {}

    @Override
    public Class<ExpertLoad> specType() {
        return ExpertLoad.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<ExpertLoad.Args, AscendWork> decide(ExpertLoad spec, Limits limits) {
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        View.unbound(DType.I32, spec.maxTokens(), spec.topK()),
                        View.unbound(DType.I32, spec.experts()),
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.indices()),
                                View.of(args.load()),
                                Composed.optional(args.activeRows())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, ExpertLoad spec, Views views) {
        long choices = views.indices().elements();
        int experts = spec.experts();
        View counts = c.scratch(AclDataType.INT32, experts + 1L);
        View before = c.scratch(AclDataType.INT32, experts + 1L);
        c.fill(before, 0);
        if (spec.add()) {
            c.copy(views.load(), before.slice(0, 0, experts));
        }
        if (choices == 0) {
            c.copy(before.slice(0, 0, experts), views.load());
            return;
        }
        View live = RowBounds.replaceDead(c, views.indices(), views.activeRows(), -1);
        View places = c.scratch(AclDataType.INT32, views.indices().dims());
        c.checkIndices(live, experts, -1, experts, places);
        View wide = c.scratch(AclDataType.INT64, choices);
        c.convert(places.reshape(choices), wide);
        View ones = c.scratch(AclDataType.INT32, choices);
        c.fill(ones, 1);
        c.call(Operator.SCATTER_ADD, before, 0, wide, ones, counts);
        c.copy(counts.slice(0, 0, experts), views.load());
    }
}

package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [RouterBiasUpdate] with exact signs, from 64-bit integers.
record RouterBiasUpdateKernel(Platform platform)
        implements Kernel<RouterBiasUpdate, RouterBiasUpdate.Args, AscendWork> {
    private static final String NAME = "router-bias-update";

    private record Views(View bias, View load) {}

    @Override
    public Class<RouterBiasUpdate> specType() {
        return RouterBiasUpdate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<RouterBiasUpdate.Args, AscendWork> decide(
            RouterBiasUpdate spec, Limits limits) {
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        View.unbound(DType.F32, spec.experts()),
                        View.unbound(DType.I32, spec.experts())),
                args -> new Views(View.of(args.bias()), View.of(args.load())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, RouterBiasUpdate spec, Views views) {
        long experts = spec.experts();
        View load = c.scratch(AclDataType.INT64, experts);
        c.convert(views.load(), load);
        View sum = c.scratch(AclDataType.INT64, 1, 1);
        c.sumRows(load.reshape(1, experts), sum);
        // mean - load has the sign of sum - experts * load.
        View excess = c.scratch(AclDataType.INT64, experts);
        c.multiply(load, experts, excess);
        c.addTo(excess, sum.reshape(1), -1);
        View above = c.scratch(AclDataType.FLOAT, experts);
        c.convert(c.greater(excess, 0), above);
        View lack = c.scratch(AclDataType.INT64, experts);
        c.multiply(excess, -1, lack);
        View below = c.scratch(AclDataType.FLOAT, experts);
        c.convert(c.greater(lack, 0), below);
        View bias = c.scratch(AclDataType.FLOAT, experts);
        c.convert(views.bias(), bias);
        c.addTo(bias, below, spec.rate());
        c.addTo(bias, above, -spec.rate());
        c.convert(bias, views.bias());
    }
}

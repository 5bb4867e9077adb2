package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Fill] by one fill of bits.
record FillKernel(Platform platform) implements Kernel<Fill, Fill.Args, AscendWork> {
    @Override
    public Class<Fill> specType() {
        return Fill.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("fill");
    }

    @Override
    public Decision<Fill.Args, AscendWork> decide(Fill spec, Limits limits) {
        return Decision.planned(
                new Implementation("fill", "aclnn"),
                Composed.rows(Composed.compute(spec.dtype())),
                0,
                (args, workspace) -> {
                    Composition c = Composition.bound(platform, workspace);
                    Bits.Filling filling = Bits.filling(args.out(), spec.value());
                    c.fill(filling.view(), filling.value());
                    return c.work();
                });
    }
}

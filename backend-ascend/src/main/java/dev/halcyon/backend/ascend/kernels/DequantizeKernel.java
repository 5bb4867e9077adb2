package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Dequantize] by tables on the device: of the values of codes, and of the block of each row and
/// column.
record DequantizeKernel(Platform platform)
        implements Kernel<Dequantize, Dequantize.Args, AscendWork> {
    private static final String NAME = "dequantize.table";

    private record Views(WeightViews x, View out) {}

    @Override
    public Class<Dequantize> specType() {
        return Dequantize.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Dequantize.Args, AscendWork> decide(Dequantize spec, Limits limits) {
        Decision<Dequantize.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.out(), spec.scheme().scales());
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        WeightViews.unbound(
                                WeightFormat.rowMajor(spec.scheme()),
                                spec.maxRows(),
                                spec.columns()),
                        View.unbound(spec.out(), spec.maxRows(), spec.columns())),
                args -> new Views(WeightViews.of(args.x()), View.of(args.out())),
                (c, views) -> {
                    if (views.out().elements() > 0) {
                        c.convert(views.x().numbers(c, 0, Composed.acl(DType.F32)), views.out());
                    }
                });
    }
}

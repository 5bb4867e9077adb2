package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Cast] by CANN's own conversion; 8-bit floats are read and written by table.
record CastKernel(Platform platform) implements Kernel<Cast, Cast.Args, AscendWork> {
    private static final String CONVERT = "cast";
    private static final String BY_TABLE = "cast.table";

    private record Views(View x, View out) {}

    @Override
    public Class<Cast> specType() {
        return Cast.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(CONVERT, BY_TABLE);
    }

    @Override
    public Decision<Cast.Args, AscendWork> decide(Cast spec, Limits limits) {
        Decision<Cast.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.from(), spec.to());
        if (refusal != null) {
            return refusal;
        }
        Views atBounds =
                new Views(
                        View.unbound(spec.from(), spec.maxRows(), spec.dim()),
                        View.unbound(spec.to(), spec.maxRows(), spec.dim()));
        boolean equal = spec.from() == spec.to();
        boolean fromSmall = isSmall(spec.from()) && !equal;
        boolean toSmall = isSmall(spec.to()) && !equal;
        return Composed.decide(
                platform,
                fromSmall || toSmall ? BY_TABLE : CONVERT,
                Composed.rows(Composed.compute(spec.from(), spec.to())),
                atBounds,
                args -> new Views(View.of(args.x()), View.of(args.out())),
                (c, views) -> {
                    View numbers =
                            fromSmall ? SmallFloats.decode(c, spec.from(), views.x()) : views.x();
                    c.convert(toSmall ? encode(c, spec.to(), numbers) : numbers, views.out());
                });
    }

    private static View encode(Composition c, DType to, View x) {
        return SmallFloats.encode(
                c, to, x.type() == AclDataType.DOUBLE ? x : c.as(AclDataType.FLOAT, x));
    }

    private static boolean isSmall(DType dtype) {
        return dtype == DType.F8_E4M3 || dtype == DType.F8_E5M2;
    }
}

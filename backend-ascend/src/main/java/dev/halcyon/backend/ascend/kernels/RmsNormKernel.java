package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [RmsNorm] by CANN's own operator; in binary64 composed.
record RmsNormKernel(Platform platform) implements Kernel<RmsNorm, RmsNorm.Args, AscendWork> {
    private static final String FUSED = "rms-norm.fused";
    private static final String COMPOSED = "rms-norm.composed";

    private record Views(View x, @Nullable View weight, View out, @Nullable View inverseRms) {}

    @Override
    public Class<RmsNorm> specType() {
        return RmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(FUSED, COMPOSED);
    }

    @Override
    public Decision<RmsNorm.Args, AscendWork> decide(RmsNorm spec, Limits limits) {
        Decision<RmsNorm.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.weight(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        DType compute = Composed.compute(spec.in(), spec.out(), spec.weight());
        boolean fused = compute == DType.F32;
        return Composed.decide(
                platform,
                fused ? FUSED : COMPOSED,
                Composed.rows(compute),
                new Views(
                        View.unbound(spec.in(), spec.maxRows(), spec.dim()),
                        spec.weighted() ? View.unbound(spec.weight(), spec.dim()) : null,
                        View.unbound(spec.out(), spec.maxRows(), spec.dim()),
                        fused ? null : View.unbound(DType.F32, spec.maxRows())),
                args ->
                        new Views(
                                View.of(args.x()),
                                Composed.optional(args.weight()),
                                View.of(args.out()),
                                Composed.optional(args.inverseRms())),
                (c, views) -> {
                    if (fused) {
                        fuse(c, spec, views);
                    } else {
                        compose(c, spec, views);
                    }
                });
    }

    private static void fuse(Composition c, RmsNorm spec, Views views) {
        if (views.x().elements() == 0) {
            return;
        }
        long rows = views.x().dim(0);
        boolean direct = spec.in() == spec.out() && c.isDense(views.out());
        boolean inPlace = views.out().isSameAs(views.x());
        // Rounded once: a result of another type, or a weight of another, is made in binary32.
        boolean narrow = spec.in() == spec.out() && spec.in() != DType.F32;
        AclDataType type = narrow ? Composed.acl(spec.in()) : AclDataType.FLOAT;
        View x = c.as(type, views.x());
        View weight = views.weight();
        View gamma;
        if (weight == null) {
            gamma = c.scratch(AclDataType.FLOAT, spec.dim());
            c.fill(gamma, 1);
        } else {
            gamma = weight.type() == type ? weight : c.as(AclDataType.FLOAT, weight);
        }
        View result =
                direct && !inPlace && type == views.out().type()
                        ? views.out()
                        : c.scratch(type, views.out().dims());
        View inverse = views.inverseRms();
        View reciprocal =
                inverse == null ? c.scratch(AclDataType.FLOAT, rows, 1) : inverse.unsqueeze(1);
        c.call(Operator.RMS_NORM, x, gamma, spec.epsilon(), result, reciprocal);
        if (result != views.out()) {
            c.convert(result, views.out());
        }
    }

    private static void compose(Composition c, RmsNorm spec, Views views) {
        long rows = views.x().dim(0);
        View x = c.scratch(AclDataType.DOUBLE, views.x().dims());
        c.convert(views.x(), x);
        View squares = c.scratch(AclDataType.DOUBLE, x.dims());
        c.multiply(x, x, squares);
        View inverse = c.scratch(AclDataType.DOUBLE, rows, 1);
        c.sumRows(squares, inverse);
        c.multiplyBy(inverse, 1.0 / spec.dim());
        c.addTo(inverse, spec.epsilon());
        c.accurateRoot(inverse);
        c.reciprocal(inverse);
        c.multiplyBy(x, inverse);
        View weight = views.weight();
        if (weight != null) {
            c.multiplyBy(x, c.as(AclDataType.DOUBLE, weight));
        }
        c.convert(x, views.out());
        View wanted = views.inverseRms();
        if (wanted != null) {
            c.convert(inverse.reshape(rows), wanted);
        }
    }
}

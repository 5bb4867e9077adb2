package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [LayerNorm] composed of sums over rows.
record LayerNormKernel(Platform platform) implements Kernel<LayerNorm, LayerNorm.Args, AscendWork> {
    private static final String NAME = "layer-norm";

    private record Views(View x, View weight, View bias, View out) {}

    @Override
    public Class<LayerNorm> specType() {
        return LayerNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<LayerNorm.Args, AscendWork> decide(LayerNorm spec, Limits limits) {
        Decision<LayerNorm.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.weight(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        DType compute = Composed.compute(spec.in(), spec.weight(), spec.out());
        View weight = View.unbound(spec.weight(), spec.dim());
        return Composed.decide(
                platform,
                NAME,
                Composed.reductions(compute),
                new Views(
                        View.unbound(spec.in(), spec.maxRows(), spec.dim()),
                        weight,
                        weight,
                        View.unbound(spec.out(), spec.maxRows(), spec.dim())),
                args ->
                        new Views(
                                View.of(args.x()),
                                View.of(args.weight()),
                                View.of(args.bias()),
                                View.of(args.out())),
                (c, views) -> compose(c, spec, Composed.acl(compute), views));
    }

    private static void compose(Composition c, LayerNorm spec, AclDataType compute, Views views) {
        long rows = views.x().dim(0);
        View x = c.scratch(compute, views.x().dims());
        c.convert(views.x(), x);
        View mean = c.scratch(compute, rows, 1);
        c.sumRows(x, mean);
        c.multiplyBy(mean, 1.0 / spec.dim());
        c.addTo(x, mean, -1);
        View squares = c.scratch(compute, x.dims());
        c.multiply(x, x, squares);
        View inverse = c.scratch(compute, rows, 1);
        c.sumRows(squares, inverse);
        c.multiplyBy(inverse, 1.0 / spec.dim());
        c.addTo(inverse, spec.epsilon());
        c.accurateRoot(inverse);
        c.divideBy(x, inverse);
        c.multiplyBy(x, c.as(compute, views.weight()));
        c.addTo(x, c.as(compute, views.bias()), 1);
        c.convert(x, views.out());
    }
}

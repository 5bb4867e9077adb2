package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [Axpby]: one operator for a plain sum of one type, otherwise a sum in binary32.
record AxpbyKernel(Platform platform) implements Kernel<Axpby, Axpby.Args, AscendWork> {
    private static final String NAME = "axpby";

    private record Views(View x, View y, View out, @Nullable View scalars) {}

    @Override
    public Class<Axpby> specType() {
        return Axpby.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Axpby.Args, AscendWork> decide(Axpby spec, Limits limits) {
        Decision<Axpby.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.x(), spec.y(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        boolean plain =
                !spec.deviceScalars()
                        && spec.alpha() == 1
                        && spec.beta() == 1
                        && spec.x() == spec.y()
                        && spec.x() == spec.out();
        DType compute = Composed.compute(spec.x(), spec.y(), spec.out());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(compute),
                new Views(
                        View.unbound(spec.x(), spec.maxRows(), spec.dim()),
                        View.unbound(spec.y(), spec.maxRows(), spec.dim()),
                        View.unbound(spec.out(), spec.maxRows(), spec.dim()),
                        spec.deviceScalars() ? View.unbound(AclDataType.FLOAT, 2) : null),
                args ->
                        new Views(
                                View.of(args.x()),
                                View.of(args.y()),
                                View.of(args.out()),
                                Composed.optional(args.scalars())),
                plain
                        ? AxpbyKernel::add
                        : (c, views) -> compose(c, spec, Composed.acl(compute), views));
    }

    private static void add(Composition c, Views views) {
        View out = views.out();
        if (out.isSameAs(views.x())) {
            c.addTo(out, views.y(), 1);
        } else if (out.isSameAs(views.y())) {
            c.addTo(out, views.x(), 1);
        } else {
            c.add(views.x(), views.y(), 1, out);
        }
    }

    private static void compose(Composition c, Axpby spec, AclDataType compute, Views views) {
        View sum = c.scratch(compute, views.out().dims());
        View x = c.as(compute, views.x());
        View y = c.as(compute, views.y());
        View scalars = views.scalars();
        if (scalars == null) {
            c.multiply(x, spec.alpha(), sum);
            c.addTo(sum, y, spec.beta());
        } else {
            View factors = c.as(compute, scalars);
            c.multiply(x, factors.slice(0, 0, 1), sum);
            View product = c.scratch(compute, views.out().dims());
            c.multiply(y, factors.slice(0, 1, 2), product);
            c.addTo(sum, product, 1);
        }
        c.convert(sum, views.out());
    }
}

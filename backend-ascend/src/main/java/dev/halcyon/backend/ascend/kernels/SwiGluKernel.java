package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [SwiGlu]: one operator where gate and up are the halves of one matrix, as a grouped product
/// leaves them; otherwise composed in binary32.
record SwiGluKernel(Platform platform) implements Kernel<SwiGlu, SwiGlu.Args, AscendWork> {
    private static final String NAME = "swiglu";

    private record Views(View gate, View up, View out, @Nullable View rowWeight) {}

    @Override
    public Class<SwiGlu> specType() {
        return SwiGlu.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<SwiGlu.Args, AscendWork> decide(SwiGlu spec, Limits limits) {
        Decision<SwiGlu.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        DType compute = Composed.compute(spec.in(), spec.out());
        if (compute == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "CANN's exponential does not promise the accuracy of F64",
                    "F32");
        }
        View in = View.unbound(spec.in(), spec.maxRows(), spec.dim());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(compute),
                new Views(
                        in,
                        in,
                        View.unbound(spec.out(), spec.maxRows(), spec.dim()),
                        spec.rowWeight() ? View.unbound(DType.F32, spec.maxRows()) : null),
                args ->
                        new Views(
                                View.of(args.gate()),
                                View.of(args.up()),
                                View.of(args.out()),
                                Composed.optional(args.rowWeight())),
                (c, views) -> compose(c, spec, Composed.acl(compute), views));
    }

    private static void compose(Composition c, SwiGlu spec, AclDataType compute, Views views) {
        if (isHalves(c, spec, views)) {
            View gate = views.gate();
            View both =
                    new View(
                            gate.type(),
                            gate.base(),
                            gate.offset(),
                            new long[] {gate.dim(0), 2 * gate.dim(1)},
                            gate.strides());
            c.call(Operator.SWI_GLU, both, 1, views.out());
            return;
        }
        View gate = c.scratch(compute, views.out().dims());
        View up = c.scratch(compute, views.out().dims());
        c.convert(views.gate(), gate);
        c.convert(views.up(), up);
        if (spec.limit() != Double.POSITIVE_INFINITY) {
            c.fillWhere(gate, c.greater(gate, spec.limit()), spec.limit());
            c.fillWhere(up, c.greater(up, spec.limit()), spec.limit());
            View negative = c.scratch(compute, up.dims());
            c.multiply(up, -1, negative);
            c.fillWhere(up, c.greater(negative, spec.limit()), -spec.limit());
        }
        View sigmoid = c.scratch(compute, views.out().dims());
        c.sigmoid(gate, sigmoid);
        c.multiplyBy(gate, sigmoid);
        c.multiplyBy(gate, up);
        View weight = views.rowWeight();
        if (weight != null) {
            c.multiplyBy(gate, c.as(compute, weight).unsqueeze(1));
        }
        c.convert(gate, views.out());
    }

    private static boolean isHalves(Composition c, SwiGlu spec, Views views) {
        View gate = views.gate();
        View up = views.up();
        long width = gate.dim(1);
        return c.isBound()
                && gate.elements() > 0
                && spec.in() == spec.out()
                && spec.in() != DType.F64
                && spec.limit() == Double.POSITIVE_INFINITY
                && !spec.rowWeight()
                && views.out().isContiguous()
                && gate.base() + gate.offset() * gate.type().bytes() + width * gate.type().bytes()
                        == up.base() + up.offset() * up.type().bytes()
                && gate.strides()[1] == 1
                && gate.strides()[0] == 2 * width
                && up.strides()[0] == 2 * width
                && !views.out().isSameAs(gate)
                && !views.out().isSameAs(up);
    }
}

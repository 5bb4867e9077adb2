package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// [Reduce] of each tensor to one number, and of these numbers to one.
record ReduceKernel(Platform platform) implements Kernel<Reduce, Reduce.Args, AscendWork> {
    private static final String NAME = "reduce";

    private record Views(List<View> x, View out) {}

    @Override
    public Class<Reduce> specType() {
        return Reduce.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Reduce.Args, AscendWork> decide(Reduce spec, Limits limits) {
        Decision<Reduce.Args, AscendWork> refusal = Composed.refuseBf16(platform, spec.in());
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(Composed.compute(spec.in())),
                new Views(
                        List.of(View.unbound(spec.in(), spec.maxElements())),
                        View.unbound(DType.F32, 1)),
                args -> new Views(views(args.x()), View.of(args.out())),
                (c, views) -> compose(c, spec, views));
    }

    private static List<View> views(Operand x) {
        List<View> views = new ArrayList<>();
        Operands.forEachTensor(
                x, "x", (name, tensor) -> views.add(View.of(tensor).reshape(tensor.elements())));
        return views;
    }

    private static void compose(Composition c, Reduce spec, Views views) {
        AclDataType compute = Composed.acl(Composed.compute(spec.in()));
        View total = c.scratch(compute, 1, 1);
        View part = c.scratch(compute, 1, 1);
        View larger = c.scratch(compute, 1, 2);
        boolean max = spec.operation() == Reduce.Operation.MAX;
        c.fill(total, max ? Double.NEGATIVE_INFINITY : 0);
        long mark = c.mark();
        for (View x : views.x()) {
            if (x.elements() == 0) {
                continue;
            }
            View row = c.as(compute, x).reshape(1, x.elements());
            switch (spec.operation()) {
                case SUM -> {
                    c.sumRows(row, part);
                    c.addTo(total, part, 1);
                }
                case NORM -> {
                    View squares = c.scratch(compute, row.dims());
                    c.multiply(row, row, squares);
                    c.sumRows(squares, part);
                    c.addTo(total, part, 1);
                }
                case MAX -> {
                    c.largestInRows(row, part);
                    c.copy(total, larger.slice(1, 0, 1));
                    c.copy(part, larger.slice(1, 1, 2));
                    c.largestInRows(larger, total);
                }
            }
            c.release(mark);
        }
        if (spec.operation() == Reduce.Operation.NORM) {
            c.squareRoot(total);
        }
        c.convert(total.reshape(1), views.out());
    }
}

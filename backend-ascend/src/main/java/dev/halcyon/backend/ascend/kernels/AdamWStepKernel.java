package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.AdamWStep.Form;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// [AdamWStep] with everything that changes read from device memory, so that a graph sees it.
///
/// The powers of the betas are products of four from tables in binary64, by the bytes of the step.
record AdamWStepKernel(Platform platform) implements Kernel<AdamWStep, AdamWStep.Args, AscendWork> {
    private static final String NAME = "adamw.composed";
    private static final int VALUES = 256;

    private record Views(
            List<View> parameter,
            List<View> gradient,
            List<View> first,
            List<View> second,
            View hyper,
            View step) {}

    /// What is the same for every parameter.
    ///
    /// @param keep `1 - lr wd`, FLOAT `[1]`
    /// @param rate `lr`
    /// @param one `1 - beta1^t`
    /// @param two `1 - beta2^t`
    /// @param ratio `sqrt(1 - beta2^t) / (1 - beta1^t)`
    /// @param bad 1 if the step is below 1, else 0
    private record Factors(View keep, View rate, View one, View two, View ratio, View bad) {}

    @Override
    public Class<AdamWStep> specType() {
        return AdamWStep.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<AdamWStep.Args, AscendWork> decide(AdamWStep spec, Limits limits) {
        if (spec.parameter() == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "CANN's root does not promise the accuracy of F64",
                    "F32 parameters");
        }
        Decision<AdamWStep.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.parameter(), spec.gradient(), spec.moments());
        if (refusal != null) {
            return refusal;
        }
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        List.of(View.unbound(spec.parameter(), spec.maxElements())),
                        List.of(View.unbound(spec.gradient(), spec.maxElements())),
                        List.of(View.unbound(spec.moments(), spec.maxElements())),
                        List.of(View.unbound(spec.moments(), spec.maxElements())),
                        View.unbound(DType.F32, 2),
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                flat(args.parameter()),
                                flat(args.gradient()),
                                flat(args.firstMoment()),
                                flat(args.secondMoment()),
                                View.of(args.hyper()),
                                View.of(args.step())),
                (c, views) -> compose(c, spec, views));
    }

    private static List<View> flat(Operand operand) {
        List<View> views = new ArrayList<>();
        Operands.forEachTensor(
                operand,
                "",
                (name, tensor) -> views.add(View.of(tensor).reshape(tensor.elements())));
        return views;
    }

    private static void compose(Composition c, AdamWStep spec, Views views) {
        Factors factors = factors(c, spec, views);
        for (int i = 0; i < views.parameter().size(); i++) {
            long mark = c.mark();
            update(
                    c,
                    spec,
                    factors,
                    views.parameter().get(i),
                    views.gradient().get(i),
                    views.first().get(i),
                    views.second().get(i));
            c.release(mark);
        }
    }

    private static Factors factors(Composition c, AdamWStep spec, Views views) {
        View step = c.scratch(AclDataType.INT32, 1);
        // A step below 1 is counted; 1 in its place keeps what is thrown away finite.
        View skipped =
                c.checkIndices(
                        shifted(c, views.step()), Integer.MAX_VALUE, Long.MIN_VALUE, 0, step);
        c.addTo(step, 1);
        View bad = c.scratch(AclDataType.FLOAT, 1);
        c.convert(skipped, bad);
        View digits = c.bytesOf(step);
        View one = complement(c, spec.beta1(), digits);
        View two = complement(c, spec.beta2(), digits);
        View root = c.scratch(AclDataType.DOUBLE, 1);
        c.copy(two, root);
        c.accurateRoot(root);
        c.divideBy(root, one);
        View hyper = c.scratch(AclDataType.FLOAT, 2);
        c.copy(views.hyper(), hyper);
        View keep = c.scratch(AclDataType.FLOAT, 1);
        c.multiply(hyper.slice(0, 0, 1), hyper.slice(0, 1, 2), keep);
        c.multiplyBy(keep, -1);
        c.addTo(keep, 1);
        return new Factors(
                keep,
                hyper.slice(0, 0, 1),
                c.as(AclDataType.FLOAT, one),
                c.as(AclDataType.FLOAT, two),
                c.as(AclDataType.FLOAT, root),
                bad);
    }

    private static View shifted(Composition c, View step) {
        View fromZero = c.scratch(AclDataType.INT32, 1);
        c.add(step, -1, fromZero);
        return fromZero;
    }

    /// {@return `1 - beta^t`, DOUBLE `[1]`}
    private static View complement(Composition c, double beta, View digits) {
        View power = c.scratch(AclDataType.DOUBLE, 1);
        View part = c.scratch(AclDataType.DOUBLE, 1);
        View digit = c.scratch(AclDataType.INT32, 1, 1);
        for (int place = 0; place < Integer.BYTES; place++) {
            double[] powers = new double[VALUES];
            for (int value = 0; value < VALUES; value++) {
                powers[value] = Math.pow(beta, value * Math.scalb(1.0, 8 * place));
            }
            View table = c.table("powers of " + beta + " at byte " + place, powers);
            c.copy(digits.slice(1, place, place + 1), digit);
            c.gatherRows(table, digit.reshape(1), place == 0 ? power : part);
            if (place > 0) {
                c.multiplyBy(power, part);
            }
        }
        c.multiplyBy(power, -1);
        c.addTo(power, 1);
        return power;
    }

    private static void update(
            Composition c,
            AdamWStep spec,
            Factors factors,
            View parameter,
            View gradient,
            View first,
            View second) {
        long[] dims = parameter.dims();
        if (parameter.elements() == 0) {
            return;
        }
        View g = c.scratch(AclDataType.FLOAT, dims);
        c.convert(gradient, g);
        View m = c.scratch(AclDataType.FLOAT, dims);
        c.convert(first, m);
        c.multiplyBy(m, spec.beta1());
        c.addTo(m, g, 1 - spec.beta1());
        View v = c.scratch(AclDataType.FLOAT, dims);
        c.convert(second, v);
        c.multiplyBy(v, spec.beta2());
        c.addProductTo(v, g, g, 1 - spec.beta2());
        View u = c.scratch(AclDataType.FLOAT, dims);
        View root = c.scratch(AclDataType.FLOAT, dims);
        c.copy(m, u);
        c.copy(v, root);
        if (spec.form() == Form.TORCH) {
            c.divideBy(u, factors.one());
            c.divideBy(root, factors.two());
        }
        c.squareRoot(root);
        c.addTo(root, spec.epsilon());
        c.divideBy(u, root);
        if (spec.form() == Form.MOONLIGHT) {
            c.multiplyBy(u, factors.ratio());
        }
        c.multiplyBy(u, factors.rate());
        View w = c.scratch(AclDataType.FLOAT, dims);
        c.convert(parameter, w);
        c.multiplyBy(w, factors.keep());
        c.addTo(w, u, -1);
        View mask = everywhere(c, factors.bad(), dims);
        replace(c, mask, w, parameter);
        replace(c, mask, m, first);
        replace(c, mask, v, second);
    }

    /// {@return the flag for every element, BOOL}
    private static View everywhere(Composition c, View flag, long[] dims) {
        View all = c.scratch(AclDataType.FLOAT, dims);
        c.fill(all, 0);
        c.addTo(all, flag, 1);
        return c.greater(all, 0);
    }

    /// Rounds new numbers to where the old are, except where the mask keeps these.
    private static void replace(Composition c, View mask, View fresh, View place) {
        View rounded = c.scratch(place.type(), place.dims());
        c.convert(fresh, rounded);
        View before = c.scratch(place.type(), place.dims());
        c.copy(place, before);
        c.select(mask, before, rounded, place);
    }
}

package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.tck.oracle.AdamW;
import dev.halcyon.tck.oracle.Coefficients;
import dev.halcyon.tck.oracle.Muon;

import java.util.Arrays;
import java.util.Map;

/// What optimizer steps must write, by the oracle.
final class OptimizerReference {
    private OptimizerReference() {}

    /// The oracle's iteration; both forms have the same result but for rounding.
    static dev.halcyon.tck.oracle.NewtonSchulz oracle(NewtonSchulz spec) {
        return new dev.halcyon.tck.oracle.NewtonSchulz(
                spec.steps().stream()
                        .map(step -> new Coefficients(step.a(), step.b(), step.c()))
                        .toList(),
                spec.norm() == NewtonSchulz.NormRule.ADD_EPSILON
                        ? dev.halcyon.tck.oracle.NewtonSchulz.NormRule.ADD_EPS
                        : dev.halcyon.tck.oracle.NewtonSchulz.NormRule.CLAMP_MIN,
                spec.epsilon());
    }

    static Map<String, Expected> of(NewtonSchulz spec, Values in) {
        double[] out =
                oracle(spec).applyBatch(in.of("x"), spec.matrices(), spec.rows(), spec.columns());
        return Map.of("out", Expected.of(out));
    }

    static Map<String, Expected> of(MuonStep spec, Values in) {
        NewtonSchulz newtonSchulz = spec.newtonSchulz();
        double[] hyper = in.of("hyper");
        Muon.UpdateScale scale =
                new Muon.UpdateScale.LargerSide(
                        spec.updateScale() / Math.sqrt(newtonSchulz.longSide()));
        Muon rule =
                new Muon(
                        spec.beta(),
                        spec.momentum() == MuonStep.Momentum.EMA
                                ? Muon.MomentumForm.EMA
                                : Muon.MomentumForm.ACCUMULATE,
                        spec.nesterov(),
                        oracle(newtonSchulz),
                        scale,
                        hyper[1]);
        double[] parameter = in.of("parameter").clone();
        double[] momentum = in.of("momentum").clone();
        int size = newtonSchulz.rows() * newtonSchulz.columns();
        for (int i = 0; i < newtonSchulz.matrices(); i++) {
            Muon.State before = new Muon.State(part(parameter, i, size), part(momentum, i, size));
            Muon.State after =
                    rule.step(
                            before,
                            part(in.of("gradient"), i, size),
                            newtonSchulz.rows(),
                            newtonSchulz.columns(),
                            hyper[0]);
            System.arraycopy(after.parameter(), 0, parameter, i * size, size);
            System.arraycopy(after.momentum(), 0, momentum, i * size, size);
        }
        return Map.of("parameter", Expected.of(parameter), "momentum", Expected.of(momentum));
    }

    private static double[] part(double[] all, int index, int size) {
        return Arrays.copyOfRange(all, index * size, (index + 1) * size);
    }

    static Map<String, Expected> of(MuonUpdate spec, Values in) {
        double[] hyper = in.of("hyper");
        double[] parameter = in.of("parameter").clone();
        double[] direction = in.of("direction");
        for (int i = 0; i < parameter.length; i++) {
            parameter[i] =
                    parameter[i] * (1 - hyper[0] * hyper[1])
                            - hyper[0] * spec.scale() * direction[i];
        }
        return Map.of("parameter", Expected.of(parameter));
    }

    static Map<String, Expected> of(AdamWStep spec, Values in) {
        double[] hyper = in.of("hyper");
        AdamW rule =
                new AdamW(
                        spec.beta1(),
                        spec.beta2(),
                        spec.epsilon(),
                        hyper[1],
                        spec.form() == AdamWStep.Form.TORCH
                                ? AdamW.EpsPlace.AFTER_CORRECTION
                                : AdamW.EpsPlace.BEFORE_CORRECTION);
        AdamW.State before =
                new AdamW.State(in.of("parameter"), in.of("firstMoment"), in.of("secondMoment"));
        int step = in.ints("step")[0];
        AdamW.State after =
                step < 1 ? before : rule.step(before, in.of("gradient"), hyper[0], step);
        return Map.of(
                "parameter", Expected.of(after.parameter()),
                "firstMoment", Expected.of(after.firstMoment()),
                "secondMoment", Expected.of(after.secondMoment()));
    }
}

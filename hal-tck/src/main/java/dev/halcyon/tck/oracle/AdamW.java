package dev.halcyon.tck.oracle;

/// The AdamW optimizer with decoupled weight decay.
///
/// `m <- β1 m + (1-β1) g`, `v <- β2 v + (1-β2) g²`. Sources: Loshchilov and Hutter (2019) as
/// torch.optim.AdamW writes it; Moonlight examples/toy_train.py for the other place of eps.
///
/// @param beta1 factor of the first moment
/// @param beta2 factor of the second moment
/// @param eps small number in the denominator
/// @param weightDecay decay factor
/// @param place where eps stands
public record AdamW(double beta1, double beta2, double eps, double weightDecay, EpsPlace place) {
    /// Where eps stands relative to the bias correction.
    public enum EpsPlace {
        /// `(m / bc1) / (sqrt(v / bc2) + eps)` (torch).
        AFTER_CORRECTION,
        /// `m / (sqrt(v) + eps) * sqrt(bc2) / bc1` (Moonlight).
        BEFORE_CORRECTION
    }

    /// Parameter and moments after a step.
    @SuppressWarnings("ArrayRecordComponent")
    public record State(double[] parameter, double[] firstMoment, double[] secondMoment) {
        /// The state before the first step.
        public static State initial(double[] parameter) {
            return new State(
                    parameter.clone(), new double[parameter.length], new double[parameter.length]);
        }
    }

    /// One step: `W <- W (1 - lr wd) - lr update`.
    ///
    /// @param before state, left as it is
    /// @param step number of this step, the first is 1
    /// @throws IllegalArgumentException if `step` is below 1
    public State step(State before, double[] gradient, double learningRate, long step) {
        if (step < 1) {
            throw new IllegalArgumentException("steps are counted from 1, got " + step);
        }
        Shapes.require("gradient", gradient.length, before.parameter().length);
        double correction1 = 1 - Math.pow(beta1, step);
        double correction2 = 1 - Math.pow(beta2, step);
        State after = State.initial(before.parameter());
        for (int i = 0; i < gradient.length; i++) {
            double m = beta1 * before.firstMoment()[i] + (1 - beta1) * gradient[i];
            double v = beta2 * before.secondMoment()[i] + (1 - beta2) * gradient[i] * gradient[i];
            double update =
                    switch (place) {
                        case AFTER_CORRECTION ->
                                m / correction1 / (Math.sqrt(v / correction2) + eps);
                        case BEFORE_CORRECTION ->
                                m / (Math.sqrt(v) + eps) * Math.sqrt(correction2) / correction1;
                    };
            after.firstMoment()[i] = m;
            after.secondMoment()[i] = v;
            after.parameter()[i] =
                    before.parameter()[i] * (1 - learningRate * weightDecay)
                            - learningRate * update;
        }
        return after;
    }
}

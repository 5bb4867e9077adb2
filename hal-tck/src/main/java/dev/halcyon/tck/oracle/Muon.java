package dev.halcyon.tck.oracle;

/// The Muon optimizer: momentum, orthogonalisation, scaled update with decoupled weight decay.
///
/// `W <- W (1 - lr wd) - lr scale NS(U)`; decay uses the unscaled learning rate. Sources: Keller
/// Jordan's muon.py; Moonlight examples/toy_train.py; DeepSeek-V4 technical report, Algorithm 1;
/// torch.optim.Muon.
///
/// @param momentum factor of the old momentum
/// @param form how gradients enter the momentum
/// @param nesterov whether the update looks one gradient ahead
/// @param orthogonalise the Newton-Schulz steps
/// @param scale how the update's size depends on the matrix
/// @param weightDecay decay factor
public record Muon(
        double momentum,
        MomentumForm form,
        boolean nesterov,
        NewtonSchulz orthogonalise,
        UpdateScale scale,
        double weightDecay) {
    /// How a gradient G enters the momentum M, and what the Nesterov update U is.
    public enum MomentumForm {
        /// `M <- μ M + (1-μ) G`, `U = (1-μ) G + μ M` (Keller Jordan, torch).
        EMA,
        /// `M <- μ M + G`, `U = G + μ M` (Moonlight, Kimi K2, DeepSeek-V4).
        ACCUMULATE
    }

    /// The factor on the orthogonalised update of an `rows x columns` matrix.
    public sealed interface UpdateScale {
        /// The factor for a matrix with that many rows and columns.
        double of(int rows, int columns);

        /// Always 1.
        record None() implements UpdateScale {
            @Override
            public double of(int rows, int columns) {
                return 1;
            }
        }

        /// `sqrt(max(1, rows / columns))` (Keller Jordan; torch "original").
        record TallRatio() implements UpdateScale {
            @Override
            public double of(int rows, int columns) {
                return Math.sqrt(Math.max(1, (double) rows / columns));
            }
        }

        /// `factor sqrt(max(rows, columns))`: factor 0.2 in Moonlight, Kimi K2 and torch
        /// "match_rms_adamw", 0.18 in DeepSeek-V4, 1 in Megatron "spectral".
        record LargerSide(double factor) implements UpdateScale {
            @Override
            public double of(int rows, int columns) {
                return factor * Math.sqrt(Math.max(rows, columns));
            }
        }

        /// `sqrt(rows / columns)` (Megatron "unit_rms_norm").
        record SideRatio() implements UpdateScale {
            @Override
            public double of(int rows, int columns) {
                return Math.sqrt((double) rows / columns);
            }
        }
    }

    /// Parameter and momentum after a step.
    @SuppressWarnings("ArrayRecordComponent")
    public record State(double[] parameter, double[] momentum) {}

    /// Keller Jordan's variant.
    public static Muon kellerJordan(
            double momentum, boolean nesterov, int steps, double weightDecay) {
        NewtonSchulz ns =
                new NewtonSchulz(
                        Coefficients.repeated(Coefficients.KELLER_JORDAN, steps),
                        NewtonSchulz.NormRule.ADD_EPS,
                        1e-7);
        return new Muon(
                momentum, MomentumForm.EMA, nesterov, ns, new UpdateScale.TallRatio(), weightDecay);
    }

    /// Moonlight's variant; Kimi K2's is the same without Nesterov.
    public static Muon moonlight(double momentum, boolean nesterov, int steps, double weightDecay) {
        NewtonSchulz ns =
                new NewtonSchulz(
                        Coefficients.repeated(Coefficients.KELLER_JORDAN, steps),
                        NewtonSchulz.NormRule.ADD_EPS,
                        1e-7);
        return new Muon(
                momentum,
                MomentumForm.ACCUMULATE,
                nesterov,
                ns,
                new UpdateScale.LargerSide(0.2),
                weightDecay);
    }

    /// DeepSeek-V4's variant: ten steps, 0.18 sqrt(max), Nesterov.
    public static Muon deepSeekV4(double momentum, double weightDecay) {
        NewtonSchulz ns =
                new NewtonSchulz(Coefficients.deepSeekV4(), NewtonSchulz.NormRule.ADD_EPS, 1e-7);
        return new Muon(
                momentum,
                MomentumForm.ACCUMULATE,
                true,
                ns,
                new UpdateScale.LargerSide(0.18),
                weightDecay);
    }

    /// torch.optim.Muon: the norm is clamped from below instead of having eps added.
    public static Muon torch(
            double momentum, boolean nesterov, int steps, UpdateScale scale, double weightDecay) {
        NewtonSchulz ns =
                new NewtonSchulz(
                        Coefficients.repeated(Coefficients.KELLER_JORDAN, steps),
                        NewtonSchulz.NormRule.CLAMP_MIN,
                        1e-7);
        return new Muon(momentum, MomentumForm.EMA, nesterov, ns, scale, weightDecay);
    }

    /// One step.
    ///
    /// @param before parameter `[rows, columns]` and momentum, left as they are
    /// @param gradient `[rows, columns]`
    public State step(State before, double[] gradient, int rows, int columns, double learningRate) {
        Shapes.require("parameter", before.parameter().length, rows, columns);
        Shapes.require("gradient", gradient.length, rows, columns);
        double fresh = form == MomentumForm.EMA ? 1 - momentum : 1;
        double[] buffer = new double[gradient.length];
        double[] direction = new double[gradient.length];
        for (int i = 0; i < buffer.length; i++) {
            buffer[i] = momentum * before.momentum()[i] + fresh * gradient[i];
            direction[i] = nesterov ? fresh * gradient[i] + momentum * buffer[i] : buffer[i];
        }
        double[] update = orthogonalise.apply(direction, rows, columns);
        double factor = learningRate * scale.of(rows, columns);
        double[] parameter = new double[gradient.length];
        for (int i = 0; i < parameter.length; i++) {
            parameter[i] =
                    before.parameter()[i] * (1 - learningRate * weightDecay) - factor * update[i];
        }
        return new State(parameter, buffer);
    }
}

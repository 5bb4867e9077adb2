package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;
import java.util.Optional;

/// One Muon step on one matrix or on several of one shape, in place: momentum, orthogonalisation,
/// update.
///
/// | operand | type | |
/// |---|---|---|
/// | `parameter` | `parameter` | W, matrices as [NewtonSchulz] takes them; updated |
/// | `gradient` | `gradient` | G, likewise |
/// | `momentum` | `buffer` | M, likewise; updated; zero before the first step |
/// | `hyper` | `F32 [2]` | learning rate, weight decay |
///
/// ```
/// EMA         M = beta M + (1 - beta) G     U = nesterov ? (1 - beta) G + beta M : M
/// ACCUMULATE  M = beta M + G                U = nesterov ? G + beta M : M
/// O = NewtonSchulz(U)
/// W = W (1 - lr wd) - lr · scale · O
/// ```
///
/// with the new M in U, and the decay by the unscaled learning rate. M is rounded to `buffer` and U
/// to `newtonSchulz.in` before they are used; otherwise momentum and update are computed in F32
/// (F64 where their operands are). `scale` is [#updateScale()]. Fused weights (query-key-value,
/// gate and up, all experts) must be cut into their logical matrices first.
///
/// Source: KellerJordan/Muon, MoonshotAI/Moonlight `examples/toy_train.py`, `torch.optim.Muon`,
/// DeepSeek-V4 report.
///
/// @param newtonSchulz the orthogonalisation, which also holds the number and the shape of the
///   matrices
/// @param momentum how gradients add up
/// @param beta decay of the momentum, 0 to below 1
/// @param nesterov whether the direction looks one step ahead
/// @param scale what the direction is multiplied by
/// @param scaleFactor multiplies that
/// @param parameter element type of the parameters
/// @param gradient element type of the gradients
/// @param buffer element type of the momentum
public record MuonStep(
        NewtonSchulz newtonSchulz,
        Momentum momentum,
        double beta,
        boolean nesterov,
        UpdateScale scale,
        double scaleFactor,
        DType parameter,
        DType gradient,
        DType buffer)
        implements KernelSpec<MuonStep.Args> {
    /// How gradients add up.
    public enum Momentum {
        /// A running mean: Keller Jordan, `torch.optim.Muon`.
        EMA,
        /// A decaying sum: Moonlight, DeepSeek-V4.
        ACCUMULATE
    }

    /// What the direction of an A by B matrix is multiplied by.
    public enum UpdateScale {
        /// 1.
        NONE,
        /// `sqrt(max(1, A / B))`: Keller Jordan.
        SQRT_MAX_1_RATIO,
        /// `sqrt(max(A, B))`, which gives updates of one size to matrices of any shape: Moonlight
        /// with 0.2, DeepSeek-V4 with 0.18.
        SQRT_MAX,
        /// `sqrt(A / B)`: unit RMS norm, for maximal update parametrisation.
        SQRT_RATIO
    }

    /// Operands, as tabled at [MuonStep].
    public record Args(Operand parameter, Operand gradient, Operand momentum, Tensor hyper)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(parameter, "parameter");
            Objects.requireNonNull(gradient, "gradient");
            Objects.requireNonNull(momentum, "momentum");
            Objects.requireNonNull(hyper, "hyper");
        }

        /// {@return arguments that move `parameter`}
        public static Args of(Operand parameter, Operand gradient, Operand momentum, Tensor hyper) {
            return new Args(parameter, gradient, momentum, hyper);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .update("parameter", parameter)
                    .read("gradient", gradient)
                    .update("momentum", momentum)
                    .read("hyper", hyper);
        }
    }

    public MuonStep {
        Objects.requireNonNull(newtonSchulz, "newtonSchulz");
        Objects.requireNonNull(momentum, "momentum");
        Require.that(beta >= 0 && beta < 1, "beta must be at least 0 and below 1, not " + beta);
        Objects.requireNonNull(scale, "scale");
        Require.positive("scaleFactor", scaleFactor);
        Require.activation("parameter", parameter);
        Require.activation("gradient", gradient);
        Require.activation("buffer", buffer);
    }

    private static MuonStep f32(
            NewtonSchulz newtonSchulz, Momentum momentum, UpdateScale scale, double factor) {
        return new MuonStep(
                newtonSchulz, momentum, 0.95, true, scale, factor, DType.F32, DType.F32, DType.F32);
    }

    /// {@return Keller Jordan's step on a matrix of F32: running mean, five steps}
    public static MuonStep kellerJordan(int rows, int columns) {
        return f32(NewtonSchulz.of(rows, columns), Momentum.EMA, UpdateScale.SQRT_MAX_1_RATIO, 1);
    }

    /// {@return the step of `torch.optim.Muon` on a matrix of F32: Keller Jordan's with the clamped
    /// norm}
    public static MuonStep torch(int rows, int columns) {
        MuonStep step = kellerJordan(rows, columns);
        return step.withNewtonSchulz(
                step.newtonSchulz.withNorm(NewtonSchulz.NormRule.CLAMP_MIN, 1e-7));
    }

    /// {@return Moonlight's step on a matrix of F32: decaying sum, five steps, scale 0.2 by the
    /// longer side}
    public static MuonStep moonlight(int rows, int columns) {
        return f32(NewtonSchulz.of(rows, columns), Momentum.ACCUMULATE, UpdateScale.SQRT_MAX, 0.2);
    }

    /// {@return the step of Kimi K2 on a matrix of F32, as its report writes it: Moonlight's
    /// without Nesterov}
    public static MuonStep kimiK2(int rows, int columns) {
        return moonlight(rows, columns).withMomentum(Momentum.ACCUMULATE, 0.95, false);
    }

    /// {@return the step of DeepSeek-V4 on a matrix of F32: decaying sum, ten steps, scale 0.18}
    public static MuonStep deepSeekV4(int rows, int columns) {
        NewtonSchulz tenSteps = NewtonSchulz.of(rows, columns).withSteps(Coefficients.DEEPSEEK_V4);
        return f32(tenSteps, Momentum.ACCUMULATE, UpdateScale.SQRT_MAX, 0.18);
    }

    /// {@return this step with another orthogonalisation, number of matrices or shape}
    public MuonStep withNewtonSchulz(NewtonSchulz other) {
        return new MuonStep(
                other, momentum, beta, nesterov, scale, scaleFactor, parameter, gradient, buffer);
    }

    /// {@return this step on several matrices}
    public MuonStep withMatrices(int count) {
        return withNewtonSchulz(newtonSchulz.withMatrices(count));
    }

    /// {@return this step with another momentum}
    public MuonStep withMomentum(Momentum kind, double decay, boolean lookAhead) {
        return new MuonStep(
                newtonSchulz,
                kind,
                decay,
                lookAhead,
                scale,
                scaleFactor,
                parameter,
                gradient,
                buffer);
    }

    /// {@return this step with another scale}
    public MuonStep withScale(UpdateScale kind, double factor) {
        return new MuonStep(
                newtonSchulz, momentum, beta, nesterov, kind, factor, parameter, gradient, buffer);
    }

    /// {@return this step with other element types}
    public MuonStep withTypes(DType parameters, DType gradients, DType momenta) {
        return new MuonStep(
                newtonSchulz,
                momentum,
                beta,
                nesterov,
                scale,
                scaleFactor,
                parameters,
                gradients,
                momenta);
    }

    /// {@return what the orthogonal direction is multiplied by, besides the learning rate}
    public double updateScale() {
        double ratio = (double) newtonSchulz.rows() / newtonSchulz.columns();
        return scaleFactor
                * switch (scale) {
                    case NONE -> 1;
                    case SQRT_MAX_1_RATIO -> Math.sqrt(Math.max(1, ratio));
                    case SQRT_MAX -> Math.sqrt(newtonSchulz.longSide());
                    case SQRT_RATIO -> Math.sqrt(ratio);
                };
    }

    /// {@return what a new gradient is multiplied by: 1, or `1 - beta` in a running mean}
    public double gradientFactor() {
        return momentum == Momentum.EMA ? 1 - beta : 1;
    }

    @Override
    public void validate(Args args) {
        require("parameter", args.parameter, parameter);
        require("gradient", args.gradient, gradient);
        require("momentum", args.momentum, buffer);
        Require.tensor("hyper", args.hyper, DType.F32, 2);
    }

    private void require(String name, Operand operand, DType dtype) {
        Matrices.require(
                name,
                operand,
                dtype,
                newtonSchulz.matrices(),
                newtonSchulz.rows(),
                newtonSchulz.columns());
    }

    /// {@return the products of the orthogonalisation, and three passes over the elements}
    @Override
    public Cost cost() {
        double elements =
                (double) newtonSchulz.matrices() * newtonSchulz.rows() * newtonSchulz.columns();
        double bits = 2.0 * parameter.bits() + gradient.bits() + 2.0 * buffer.bits();
        double flops = newtonSchulz.cost().flops() + elements * (nesterov ? 9 : 6);
        return new Cost(flops, elements * bits / 8 + 8);
    }

    /// {@return momentum matrix by matrix, the orthogonalisation, and [MuonUpdate]}
    @Override
    public Optional<Lowering<Args>> lowering() {
        return Optional.of(new MuonStepLowering(this).build());
    }
}

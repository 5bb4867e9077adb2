package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.Objects;

/// One AdamW step on up to `maxElements` parameters, in place.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `parameter` | `parameter` | W: a contiguous tensor of any shape, or a list of such; updated |
/// | `gradient` | `gradient` | g: the same shape, a list where `parameter` is one |
/// | `firstMoment`, `secondMoment` | `moments` | m, v: likewise; updated; zero before the first step |
/// | `hyper` | `F32 [2]` | learning rate, weight decay |
/// | `step` | `I32 [1]` | t, counting from 1 |
///
/// ```
/// m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g²
/// W = W (1 - lr wd) - lr u
/// TORCH      u = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
/// MOONLIGHT  u = m / (sqrt(v) + epsilon) · sqrt(1 - beta2^t) / (1 - beta1^t)
/// ```
///
/// Computed in F32 (F64 if `parameter` is F64), the powers of the betas in F64, and u from m and v
/// before they are rounded to `moments`. A step below 1 leaves everything as it is and raises the
/// fault word.
///
/// Source: `torch.optim.AdamW`; MoonshotAI/Moonlight `examples/toy_train.py` (the fallback inside
/// its Muon).
///
/// @param maxElements upper bound of the number of parameters, all tensors of a list together
/// @param form where epsilon goes
/// @param beta1 decay of the first moment, 0 to below 1
/// @param beta2 decay of the second moment, 0 to below 1
/// @param epsilon keeps the division from dividing by zero
/// @param parameter element type of the parameters
/// @param gradient element type of the gradients
/// @param moments element type of both moments
public record AdamWStep(
        int maxElements,
        Form form,
        double beta1,
        double beta2,
        double epsilon,
        DType parameter,
        DType gradient,
        DType moments)
        implements KernelSpec<AdamWStep.Args> {
    /// Where epsilon goes.
    public enum Form {
        /// Beside the root of the bias-corrected second moment.
        TORCH,
        /// Beside the root of the raw second moment, before bias correction.
        MOONLIGHT
    }

    /// Operands, as tabled at [AdamWStep].
    public record Args(
            Operand parameter,
            Operand gradient,
            Operand firstMoment,
            Operand secondMoment,
            Tensor hyper,
            Tensor step)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(parameter, "parameter");
            Objects.requireNonNull(gradient, "gradient");
            Objects.requireNonNull(firstMoment, "firstMoment");
            Objects.requireNonNull(secondMoment, "secondMoment");
            Objects.requireNonNull(hyper, "hyper");
            Objects.requireNonNull(step, "step");
        }

        /// {@return arguments that move `parameter`}
        public static Args of(
                Operand parameter,
                Operand gradient,
                Operand firstMoment,
                Operand secondMoment,
                Tensor hyper,
                Tensor step) {
            return new Args(parameter, gradient, firstMoment, secondMoment, hyper, step);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .update("parameter", parameter)
                    .read("gradient", gradient)
                    .update("firstMoment", firstMoment)
                    .update("secondMoment", secondMoment)
                    .read("hyper", hyper)
                    .read("step", step);
        }
    }

    public AdamWStep {
        Require.positive("maxElements", maxElements);
        Objects.requireNonNull(form, "form");
        decay("beta1", beta1);
        decay("beta2", beta2);
        Require.that(
                epsilon >= 0 && Double.isFinite(epsilon),
                "epsilon must be finite and not negative: " + epsilon);
        Require.activation("parameter", parameter);
        Require.activation("gradient", gradient);
        Require.activation("moments", moments);
    }

    private static void decay(String name, double beta) {
        Require.that(beta >= 0 && beta < 1, name + " must be at least 0 and below 1, not " + beta);
    }

    /// {@return the step of `torch.optim.AdamW` in F32: betas 0.9 and 0.999, epsilon 1e-8}
    public static AdamWStep torch(int maxElements) {
        return new AdamWStep(
                maxElements, Form.TORCH, 0.9, 0.999, 1e-8, DType.F32, DType.F32, DType.F32);
    }

    /// {@return the step of Moonlight in F32: betas 0.9 and 0.95, epsilon 1e-8}
    public static AdamWStep moonlight(int maxElements) {
        return new AdamWStep(
                maxElements, Form.MOONLIGHT, 0.9, 0.95, 1e-8, DType.F32, DType.F32, DType.F32);
    }

    /// {@return the step of DeepSeek-V4 in F32: betas 0.9 and 0.95, epsilon 1e-20}
    public static AdamWStep deepSeekV4(int maxElements) {
        return torch(maxElements).withConstants(0.9, 0.95, 1e-20);
    }

    /// {@return this step with other constants}
    public AdamWStep withConstants(double first, double second, double guard) {
        return new AdamWStep(maxElements, form, first, second, guard, parameter, gradient, moments);
    }

    /// {@return this step with other element types}
    public AdamWStep withTypes(DType parameters, DType gradients, DType bothMoments) {
        return new AdamWStep(
                maxElements, form, beta1, beta2, epsilon, parameters, gradients, bothMoments);
    }

    @Override
    public void validate(Args args) {
        long elements = args.parameter.shape().elements();
        Require.that(
                elements <= maxElements,
                "parameter has "
                        + elements
                        + " elements, the plan's upper bound is "
                        + maxElements
                        + "; plan a larger bound");
        alike("parameter", args.parameter, parameter, args);
        alike("gradient", args.gradient, gradient, args);
        alike("firstMoment", args.firstMoment, moments, args);
        alike("secondMoment", args.secondMoment, moments, args);
        Require.tensor("hyper", args.hyper, DType.F32, 2);
        Require.tensor("step", args.step, DType.I32, 1);
    }

    private static void alike(String name, Operand operand, DType dtype, Args args) {
        WeightFormat plain = WeightFormat.rowMajor(dtype);
        WeightFormat format = args.parameter instanceof TensorList ? plain.listed() : plain;
        Require.weight(name, operand, format, args.parameter.shape().toArray());
    }

    /// {@return twelve operations a parameter}
    @Override
    public Cost cost() {
        return cost(maxElements);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.parameter.shape().elements());
    }

    private Cost cost(double elements) {
        double bits = 2.0 * parameter.bits() + gradient.bits() + 4.0 * moments.bits();
        return new Cost(12 * elements, elements * bits / 8 + 12);
    }
}

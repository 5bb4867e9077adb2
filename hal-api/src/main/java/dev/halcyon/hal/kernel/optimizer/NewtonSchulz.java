package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;

import java.util.List;
import java.util.Objects;

/// Pulls the singular values of every matrix towards 1 and keeps its singular vectors: `U S Vᵀ`
/// becomes about `U Vᵀ`.
///
/// `x` (type `in`) and `out` (type `out`) are each a contiguous tensor `[rows, columns]` where
/// `matrices` is 1, a contiguous tensor `[matrices, rows, columns]`, or a list of `matrices`
/// contiguous tensors `[rows, columns]`. They do not overlap.
///
/// For each matrix by itself:
/// 1. `X` = `x` rounded to `compute`, transposed if it has more rows than columns: n by m with n at
///    most m;
/// 2. `X` is divided by `‖X‖ + epsilon` or by `max(‖X‖, epsilon)`, the norm being Frobenius', of
///    the rounded values;
/// 3. each step of `steps` in order: `S = X Xᵀ`, `Y = b S + c S²`, `X = a X + Y X`;
/// 4. transposed back and rounded to `out`.
///
/// Products accumulate in F32 (F64 if `compute` is F64); S, Y and X are rounded to `compute`
/// between them. A zero matrix gives zero with [NormRule#ADD_EPSILON] and an `epsilon` above 0;
/// anything that is not finite spreads through its matrix and no further.
///
/// [Form#GRAM] computes the same steps on the small Gram matrix and touches X seldom: `R = X Xᵀ`,
/// `Q = I`, and each step `Z = b R + c R²`, `Q = a Q + Q Z`, `T = a R + R Z`, `R = a T + Z T`;
/// after the second step, if more follow, once `X = Q X`, `R = X Xᵀ`, `Q = I`, for otherwise
/// rounding adds up; at the end `X = Q X`. A square matrix takes the plain form, which is cheaper
/// there.
///
/// Source: KellerJordan/Muon (zeropower_via_newtonschulz5), `torch.optim.Muon` (the clamped norm),
/// Dao-AILab gram-newton-schulz, DeepSeek-V4 report, algorithm 1.
///
/// @param matrices number of matrices
/// @param rows rows of each
/// @param columns columns of each
/// @param steps the polynomials in order
/// @param epsilon keeps the division by the norm from dividing by zero
/// @param norm how `epsilon` does that
/// @param form in which order to multiply
/// @param in element type of `x`
/// @param compute storage between products
/// @param out element type of the result
public record NewtonSchulz(
        int matrices,
        int rows,
        int columns,
        List<Coefficients> steps,
        double epsilon,
        NormRule norm,
        Form form,
        DType in,
        DType compute,
        DType out)
        implements KernelSpec<NewtonSchulz.Args> {
    /// How a norm of zero is kept away from the division.
    public enum NormRule {
        /// Divide by `‖X‖ + epsilon`: Keller Jordan.
        ADD_EPSILON,
        /// Divide by `max(‖X‖, epsilon)`: `torch.optim.Muon`.
        CLAMP_MIN
    }

    /// In which order to multiply.
    public enum Form {
        /// Every step multiplies by the whole matrix.
        PLAIN,
        /// Steps work on the Gram matrix; cheaper where one side is much shorter than the other.
        GRAM
    }

    /// Operands, as described at [NewtonSchulz].
    public record Args(Operand x, Operand out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that orthogonalise `x` into `out`}
        public static Args of(Operand x, Operand out) {
            return new Args(x, out);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    public NewtonSchulz {
        Require.positive("matrices", matrices);
        Require.positive("rows", rows);
        Require.positive("columns", columns);
        steps = List.copyOf(steps);
        Require.that(!steps.isEmpty(), "steps must have at least one step, not " + steps);
        Require.that(
                epsilon >= 0 && Double.isFinite(epsilon),
                "epsilon must be finite and not negative: " + epsilon);
        Objects.requireNonNull(norm, "norm");
        Objects.requireNonNull(form, "form");
        Require.activation("in", in);
        Require.activation("compute", compute);
        Require.activation("out", out);
    }

    /// {@return Keller Jordan's five steps on one F32 matrix: plain, BF16 between products, epsilon
    /// 1e-7 added}
    public static NewtonSchulz of(int rows, int columns) {
        return new NewtonSchulz(
                1,
                rows,
                columns,
                Coefficients.KELLER_JORDAN,
                1e-7,
                NormRule.ADD_EPSILON,
                Form.PLAIN,
                DType.F32,
                DType.BF16,
                DType.F32);
    }

    /// {@return this iteration on several matrices}
    public NewtonSchulz withMatrices(int count) {
        return new NewtonSchulz(count, rows, columns, steps, epsilon, norm, form, in, compute, out);
    }

    /// {@return this iteration with other steps}
    public NewtonSchulz withSteps(List<Coefficients> polynomials) {
        return new NewtonSchulz(
                matrices, rows, columns, polynomials, epsilon, norm, form, in, compute, out);
    }

    /// {@return this iteration with another guard of the norm}
    public NewtonSchulz withNorm(NormRule rule, double guard) {
        return new NewtonSchulz(
                matrices, rows, columns, steps, guard, rule, form, in, compute, out);
    }

    /// {@return this iteration in another order of multiplication}
    public NewtonSchulz withForm(Form order) {
        return new NewtonSchulz(
                matrices, rows, columns, steps, epsilon, norm, order, in, compute, out);
    }

    /// {@return this iteration with other element types}
    public NewtonSchulz withTypes(DType from, DType between, DType to) {
        return new NewtonSchulz(
                matrices, rows, columns, steps, epsilon, norm, form, from, between, to);
    }

    /// {@return the shorter side, n}
    public int shortSide() {
        return Math.min(rows, columns);
    }

    /// {@return the longer side, m}
    public int longSide() {
        return Math.max(rows, columns);
    }

    /// {@return whether this instance runs on the Gram matrix: asked for, and not square}
    public boolean usesGram() {
        return form == Form.GRAM && rows != columns;
    }

    @Override
    public void validate(Args args) {
        Matrices.require("x", args.x, in, matrices, rows, columns);
        Matrices.require("out", args.out, out, matrices, rows, columns);
    }

    /// {@return the products: plain, `4 n² m + 2 n³` a step; as Gram, `4 n² m` a start and `2 n³` a
    /// small product}
    ///
    /// A Gram start is the first step and the restart after the second; each needs `X Xᵀ` and ends
    /// in `Q X`. A step has four small products, less one at a start (`Q` is still the identity)
    /// and two where the next R is not needed.
    @Override
    public Cost cost() {
        double n = shortSide();
        double m = longSide();
        double count = steps.size();
        double starts = count > 2 ? 2 : 1;
        double flops =
                usesGram()
                        ? starts * 4 * n * n * m + (4 * count - 3 * starts) * 2 * n * n * n
                        : count * (4 * n * n * m + 2 * n * n * n);
        double bytes = n * m * (in.bits() + out.bits()) / 8;
        return new Cost(matrices * flops, matrices * bytes);
    }
}

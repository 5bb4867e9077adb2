package dev.halcyon.hal.kernel.elementwise;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// The weighted sum of two matrices: `out = alpha * x + beta * y`.
///
/// | operand | type and shape |
/// |---|---|
/// | x | `x [R, dim]` |
/// | y | `y [R, dim]` |
/// | out | `out [R, dim]`; may be exactly x or y |
/// | scalars | F32 `[2]`, alpha then beta; only if `deviceScalars` |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values |
///
/// *Numerics.* Computed in F32 (F64 where all three are F64, the device scalars being widened) and
/// rounded once. A multiply-add may be fused. A factor of zero does not hide a NaN or an infinity
/// of its matrix.
///
/// @param maxRows most rows
/// @param dim columns
/// @param x element type of x
/// @param y element type of y
/// @param out element type of the result
/// @param alpha factor of x; ignored if `deviceScalars`
/// @param beta factor of y; ignored if `deviceScalars`
/// @param deviceScalars whether both factors are read from device memory at each submit instead
public record Axpby(
        int maxRows,
        int dim,
        DType x,
        DType y,
        DType out,
        double alpha,
        double beta,
        boolean deviceScalars)
        implements KernelSpec<Axpby.Args> {
    /// The operands; the table at [Axpby] gives their shapes.
    public record Args(
            Tensor x, Tensor y, Tensor out, @Nullable Tensor scalars, @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(y, "y");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments with host scalars and every row active}
        public static Args of(Tensor x, Tensor y, Tensor out) {
            return new Args(x, y, out, null, null);
        }

        /// {@return these arguments with alpha and beta in device memory}
        public Args withScalars(Tensor alphaBeta) {
            return new Args(x, y, out, alphaBeta, activeRows);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(x, y, out, scalars, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("y", y)
                    .read("scalars", scalars)
                    .read("activeRows", activeRows)
                    .write("out", out, "x", "y");
        }
    }

    public Axpby {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Require.activation("x", x);
        Require.activation("y", y);
        Require.activation("out", out);
        Require.finite("alpha", alpha);
        Require.finite("beta", beta);
    }

    /// {@return the plain sum of two matrices of one type}
    public static Axpby add(int maxRows, int dim, DType dtype) {
        return new Axpby(maxRows, dim, dtype, dtype, dtype, 1, 1, false);
    }

    /// {@return this sum with other factors}
    public Axpby withFactors(double newAlpha, double newBeta) {
        return new Axpby(maxRows, dim, x, y, out, newAlpha, newBeta, deviceScalars);
    }

    /// {@return this sum with factors that are read from device memory at each submit}
    ///
    /// The host factors become 1, so that specs which differ in nothing that matters are equal.
    public Axpby withDeviceScalars() {
        return new Axpby(maxRows, dim, x, y, out, 1, 1, true);
    }

    /// {@return this sum over other element types}
    public Axpby withTypes(DType newX, DType newY, DType newOut) {
        return new Axpby(maxRows, dim, newX, newY, newOut, alpha, beta, deviceScalars);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, x, maxRows, dim);
        Require.sameRows("y", Require.rows("y", args.y, y, maxRows, dim), "x", rows);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, dim), "x", rows);
        Require.given("scalars", args.scalars, deviceScalars);
        Require.optional("scalars", args.scalars, DType.F32, 2);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.x.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * dim;
        return new Cost(
                3.0 * elements,
                (double) x.bytes(elements) + y.bytes(elements) + out.bytes(elements));
    }
}

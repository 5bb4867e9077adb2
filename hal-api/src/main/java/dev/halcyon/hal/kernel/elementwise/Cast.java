package dev.halcyon.hal.kernel.elementwise;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// The conversion of a matrix from one floating-point type to another.
///
/// | operand | type and shape |
/// |---|---|
/// | x | `from [R, dim]` |
/// | out | `to [R, dim]` |
///
/// *Numerics.* One rounding, to nearest, ties to even, from the source value itself: F64 to BF16
/// does not pass through F32. Subnormals are kept, signed zeros keep their sign, NaN stays NaN
/// (with an unspecified payload). What exceeds F32, F16 or BF16 becomes infinite. The two 8-bit
/// types saturate: whatever exceeds 448 in [DType#F8_E4M3] or 57,344 in [DType#F8_E5M2], infinities
/// included, becomes that number with its sign.
///
/// @param maxRows most rows
/// @param dim columns
/// @param from element type to read
/// @param to element type to write
public record Cast(int maxRows, int dim, DType from, DType to) implements KernelSpec<Cast.Args> {
    /// The operands; the table at [Cast] gives their shapes.
    public record Args(Tensor x, Tensor out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that convert `x` into `out`}
        public static Args of(Tensor x, Tensor out) {
            return new Args(x, out);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    public Cast {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        convertible("from", from);
        convertible("to", to);
    }

    private static void convertible(String name, DType dtype) {
        Require.oneOf(
                name,
                dtype,
                DType.F64,
                DType.F32,
                DType.F16,
                DType.BF16,
                DType.F8_E4M3,
                DType.F8_E5M2);
    }

    /// {@return the conversion of up to `maxRows` rows of `dim` columns}
    public static Cast of(int maxRows, int dim, DType from, DType to) {
        return new Cast(maxRows, dim, from, to);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, from, maxRows, dim);
        Require.sameRows("out", Require.rows("out", args.out, to, maxRows, dim), "x", rows);
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
        return new Cost(0, (double) from.bytes(elements) + to.bytes(elements));
    }
}

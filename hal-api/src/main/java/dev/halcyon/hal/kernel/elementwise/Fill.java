package dev.halcyon.hal.kernel.elementwise;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// One value in every element of a matrix.
///
/// | operand | type and shape |
/// |---|---|
/// | out | `dtype [R, dim]`, any row stride; the gaps between its rows stay as they are |
///
/// *Numerics.* The value is rounded to the element type as [Cast] does, NaN and infinities
/// included. [DType#F4_E2M1] has neither, so it takes numbers only: they round to nearest, ties to
/// even, and saturate at 6. Integers take whole numbers of their range, and [DType#F8_E8M0] a power
/// of two from `2^-127` to `2^127` or NaN; anything else is refused by the constructor.
///
/// @param maxRows most rows
/// @param dim columns
/// @param dtype element type, any; with a packed type `dim` is even
/// @param value what to write
public record Fill(int maxRows, int dim, DType dtype, double value)
        implements KernelSpec<Fill.Args> {
    private static final double LARGEST_EXACT_LONG = 0x1p53;

    /// The operand; the table at [Fill] gives its shape.
    public record Args(Tensor out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that fill `out`}
        public static Args of(Tensor out) {
            return new Args(out);
        }

        @Override
        public Operands operands() {
            return Operands.of().write("out", out);
        }
    }

    public Fill {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Objects.requireNonNull(dtype, "dtype");
        Require.that(
                !dtype.isPacked() || dim % 2 == 0,
                "dim must be even, because " + dtype + " is packed, not " + dim);
        Require.that(
                holds(dtype, value), "value must be one that " + dtype + " can hold, not " + value);
    }

    private static boolean holds(DType dtype, double value) {
        return switch (dtype) {
            case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
            case F8_E8M0 -> Double.isNaN(value) || isPowerOfTwo(value);
            case F4_E2M1 -> Double.isFinite(value);
            case I64 -> isWhole(value, -LARGEST_EXACT_LONG, LARGEST_EXACT_LONG);
            case I32 -> isWhole(value, Integer.MIN_VALUE, Integer.MAX_VALUE);
            case I8 -> isWhole(value, Byte.MIN_VALUE, Byte.MAX_VALUE);
            case U8 -> isWhole(value, 0, 255);
            case I4 -> isWhole(value, -8, 7);
        };
    }

    private static boolean isPowerOfTwo(double value) {
        int exponent = Math.getExponent(value);
        return exponent >= -127 && exponent <= 127 && value == Math.scalb(1.0, exponent);
    }

    private static boolean isWhole(double value, double min, double max) {
        return value >= min && value <= max && value == Math.rint(value);
    }

    /// {@return a fill of up to `maxRows` rows of `dim` columns}
    public static Fill of(int maxRows, int dim, DType dtype, double value) {
        return new Fill(maxRows, dim, dtype, value);
    }

    @Override
    public void validate(Args args) {
        Require.rows("out", args.out, dtype, maxRows, dim);
    }

    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.out.dim(0));
    }

    private Cost cost(long rows) {
        return new Cost(0, dtype.bytes(rows * dim));
    }
}

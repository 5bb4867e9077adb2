package dev.halcyon.hal.kernel.elementwise;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// The copy of a matrix, bit for bit, from one row stride to another.
///
/// | operand | type and shape |
/// |---|---|
/// | x | `dtype [R, dim]`, any row stride |
/// | out | `dtype [R, dim]`, any row stride; the gaps between its rows stay as they are |
///
/// It makes a contiguous matrix of a column slice, and puts a matrix into a column slice. Whole
/// ranges of bytes are copied by the stream itself, without a spec.
///
/// @param maxRows most rows
/// @param dim columns
/// @param dtype element type, any; with a packed type `dim` is even
public record Copy(int maxRows, int dim, DType dtype) implements KernelSpec<Copy.Args> {
    /// The operands; the table at [Copy] gives their shapes.
    public record Args(Tensor x, Tensor out) implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments that copy `x` into `out`}
        public static Args of(Tensor x, Tensor out) {
            return new Args(x, out);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("x", x).write("out", out);
        }
    }

    public Copy {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Objects.requireNonNull(dtype, "dtype");
        Require.that(
                !dtype.isPacked() || dim % 2 == 0,
                "dim must be even, because " + dtype + " is packed, not " + dim);
    }

    /// {@return the copy of up to `maxRows` rows of `dim` columns}
    public static Copy of(int maxRows, int dim, DType dtype) {
        return new Copy(maxRows, dim, dtype);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, dtype, maxRows, dim);
        Require.sameRows("out", Require.rows("out", args.out, dtype, maxRows, dim), "x", rows);
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
        return new Cost(0, 2.0 * dtype.bytes(rows * dim));
    }
}

package dev.halcyon.hal.kernel.linear;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.Objects;

/// A weight moved into the layout that a device is faster with, or back, without changing one
/// value.
///
/// | operand | type and shape |
/// |---|---|
/// | from | storage `from`, shape `[rows, columns]`, or `[matrices, rows, columns]` if `matrices` is not 0 |
/// | to | storage `to`, the same shape |
///
/// Both sides have the same values and the same scales; what differs is the layout, or whether the
/// matrices lie at one address or at many. At least one side is row-major, so the inverse is the
/// same spec with the two exchanged ([#inverse()]), and going there and back gives the same bytes.
/// A quantized row-major side brings its scales; a packed side has them somewhere in its storage.
/// Neither side has gaps. Converting values is the business of [Quantize] and [Dequantize].
///
/// Nothing else packs: the caller chooses the moment and owns the result, and every plan shares it.
///
/// @param matrices number of matrices, 0 for one without a leading dimension
/// @param rows rows of a matrix
/// @param columns columns of a matrix
/// @param from storage to read
/// @param to storage to write
public record PackWeight(int matrices, int rows, int columns, WeightFormat from, WeightFormat to)
        implements KernelSpec<PackWeight.Args> {
    /// The operands; the table at [PackWeight] gives their shapes.
    public record Args(Operand from, Operand to) implements KernelArgs {
        public Args {
            Objects.requireNonNull(from, "from");
            Objects.requireNonNull(to, "to");
        }

        /// {@return arguments that pack (or unpack) `from` into `to`}
        public static Args of(Operand from, Operand to) {
            return new Args(from, to);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("from", from).write("to", to);
        }
    }

    public PackWeight {
        Require.notNegative("matrices", matrices);
        Require.positive("rows", rows);
        Require.positive("columns", columns);
        Objects.requireNonNull(from, "from");
        Objects.requireNonNull(to, "to");
        Require.that(
                from.dtype() == to.dtype() && from.scheme().equals(to.scheme()),
                "to must hold the values of from, "
                        + from
                        + ", not "
                        + to
                        + "; Quantize and Dequantize convert");
        Require.that(
                from.isRowMajor() || to.isRowMajor(),
                "one side must be row-major, not from "
                        + from
                        + " to "
                        + to
                        + "; go by way of row-major");
        Require.that(!from.equals(to), "to must differ from from, which is " + from + " already");
        Require.that(
                matrices > 0 || !(from.isListed() || to.isListed()),
                "matrices must be at least 1 for a list, not 0, from " + from + " to " + to);
    }

    /// {@return the packing of one matrix}
    public static PackWeight matrix(int rows, int columns, WeightFormat from, WeightFormat to) {
        return new PackWeight(0, rows, columns, from, to);
    }

    /// {@return the packing of a stack or list of matrices}
    public static PackWeight matrices(
            int matrices, int rows, int columns, WeightFormat from, WeightFormat to) {
        return new PackWeight(Require.positive("matrices", matrices), rows, columns, from, to);
    }

    /// {@return the way back: the same matrices from `to` to `from`}
    public PackWeight inverse() {
        return new PackWeight(matrices, rows, columns, to, from);
    }

    @Override
    public void validate(Args args) {
        long[] dims =
                matrices == 0 ? new long[] {rows, columns} : new long[] {matrices, rows, columns};
        Require.weight("from", args.from, from, dims);
        Require.weight("to", args.to, to, dims);
    }

    /// {@return no operations; the bytes of both sides, what a layout pads not counted}
    @Override
    public Cost cost() {
        double bytes = MatrixOperands.bytes(from, Math.max(1, matrices), rows, columns);
        return new Cost(0, 2 * bytes);
    }
}

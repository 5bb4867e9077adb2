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

/// Rows of a table picked by index: `out[r] = table[ids[r]]`; also the row gather of a dispatch.
///
/// | operand | type and shape |
/// |---|---|
/// | ids | I32 `[R]` |
/// | table | `table [N, dim]`, N at most `tableRows` |
/// | out | `out [R, dim]` |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values, their ids are not looked at |
///
/// Id -1 gives a row of zeros. Any other id outside `0 … N - 1` gives a row of zeros too and raises
/// the fault word.
///
/// *Numerics.* Elements are converted as [Cast] does; equal types copy bit for bit, and then any
/// type will do, integers included.
///
/// @param maxRows most rows to pick
/// @param tableRows most rows of the table
/// @param dim columns
/// @param table element type of the table
/// @param out element type of the result
public record Embedding(int maxRows, int tableRows, int dim, DType table, DType out)
        implements KernelSpec<Embedding.Args> {
    /// The operands; the table at [Embedding] gives their shapes.
    public record Args(Tensor ids, Tensor table, Tensor out, @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(ids, "ids");
            Objects.requireNonNull(table, "table");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments with every row active}
        public static Args of(Tensor ids, Tensor table, Tensor out) {
            return new Args(ids, table, out, null);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(ids, table, out, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("ids", ids)
                    .read("table", table)
                    .read("activeRows", activeRows)
                    .write("out", out);
        }
    }

    public Embedding {
        Require.positive("maxRows", maxRows);
        Require.positive("tableRows", tableRows);
        Require.positive("dim", dim);
        Objects.requireNonNull(table, "table");
        Objects.requireNonNull(out, "out");
        if (table != out) {
            Require.activation("table", table);
            Require.activation("out", out);
        }
        Require.that(!table.isPacked(), "table must not have a packed type, not " + table);
    }

    /// {@return the lookup without conversion}
    public static Embedding of(int maxRows, int tableRows, int dim, DType dtype) {
        return new Embedding(maxRows, tableRows, dim, dtype, dtype);
    }

    /// {@return this lookup with a result of another type}
    public Embedding withOut(DType newOut) {
        return new Embedding(maxRows, tableRows, dim, table, newOut);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("ids", args.ids, DType.I32, maxRows);
        Require.rows("table", args.table, table, tableRows, dim);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, dim), "ids", rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds; only the rows that are picked count, not the whole table}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.ids.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * dim;
        return new Cost(
                0, (double) DType.I32.bytes(rows) + table.bytes(elements) + out.bytes(elements));
    }
}

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

/// The gated activation of an expert or a dense FFN: `out = silu(gate) * up`, optionally clamped
/// and weighted by row.
///
/// ```
/// g = min(gate, limit)                    no lower bound
/// u = max(-limit, min(up, limit))
/// out[r, i] = g / (1 + exp(-g)) * u * rowWeight[r]
/// ```
///
/// | operand | type and shape |
/// |---|---|
/// | gate, up | `in [R, dim]` |
/// | rowWeight | F32 `[R]`; only if `rowWeight` |
/// | out | `out [R, dim]`; may be exactly gate or up |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values |
///
/// *Numerics.* Everything in F32 (F64 where in and out are F64), one rounding at the end, the row
/// weight before it. A large negative (finite) gate gives a signed zero, never NaN; a NaN input
/// gives NaN, clamp or not.
///
/// *Source.* DeepSeek-V3 inference/model.py, Expert; limit and row weight: DeepSeek-V4
/// inference/model.py, Expert (where the clamp holds for shared experts as well).
///
/// @param maxRows most rows
/// @param dim columns, the width of the FFN
/// @param in element type of gate and up
/// @param out element type of the result
/// @param limit the clamp, above 0; positive infinity for none
/// @param rowWeight whether every row is multiplied by a weight of its own
public record SwiGlu(int maxRows, int dim, DType in, DType out, double limit, boolean rowWeight)
        implements KernelSpec<SwiGlu.Args> {
    /// The operands; the table at [SwiGlu] gives their shapes.
    public record Args(
            Tensor gate,
            Tensor up,
            @Nullable Tensor rowWeight,
            Tensor out,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(gate, "gate");
            Objects.requireNonNull(up, "up");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments without row weights and with every row active}
        public static Args of(Tensor gate, Tensor up, Tensor out) {
            return new Args(gate, up, null, out, null);
        }

        /// {@return these arguments with a weight for each row}
        public Args withRowWeight(Tensor weights) {
            return new Args(gate, up, weights, out, activeRows);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(gate, up, rowWeight, out, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("gate", gate)
                    .read("up", up)
                    .read("rowWeight", rowWeight)
                    .read("activeRows", activeRows)
                    .write("out", out, "gate", "up");
        }
    }

    public SwiGlu {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Require.activation("in", in);
        Require.activation("out", out);
        Require.that(
                limit > 0, "limit must be above 0, or positive infinity for none, not " + limit);
    }

    /// {@return the plain gate: one type, no clamp, no row weights}
    public static SwiGlu of(int maxRows, int dim, DType dtype) {
        return new SwiGlu(maxRows, dim, dtype, dtype, Double.POSITIVE_INFINITY, false);
    }

    /// {@return this gate over other element types}
    public SwiGlu withTypes(DType newIn, DType newOut) {
        return new SwiGlu(maxRows, dim, newIn, newOut, limit, rowWeight);
    }

    /// {@return this gate with another clamp}
    public SwiGlu withLimit(double newLimit) {
        return new SwiGlu(maxRows, dim, in, out, newLimit, rowWeight);
    }

    /// {@return this gate with or without row weights}
    public SwiGlu withRowWeight(boolean weighted) {
        return new SwiGlu(maxRows, dim, in, out, limit, weighted);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("gate", args.gate, in, maxRows, dim);
        Require.sameRows("up", Require.rows("up", args.up, in, maxRows, dim), "gate", rows);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, dim), "gate", rows);
        Require.given("rowWeight", args.rowWeight, rowWeight);
        Require.optional("rowWeight", args.rowWeight, DType.F32, rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds, five operations an element (a division and an exponential
    /// count one each)}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.gate.dim(0));
    }

    private Cost cost(long rows) {
        long elements = rows * dim;
        double bytes =
                2.0 * in.bytes(elements)
                        + out.bytes(elements)
                        + (rowWeight ? DType.F32.bytes(rows) : 0);
        return new Cost((rowWeight ? 6.0 : 5.0) * elements, bytes);
    }
}

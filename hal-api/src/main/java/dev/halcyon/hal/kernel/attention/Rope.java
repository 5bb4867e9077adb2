package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Turns a run of every head's values by angles that grow with the token's position; the other
/// values are copied.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `x` | `in [R, heads, headDim]` | R up to `maxRows`; a slice of wider rows will do |
/// | `positions` | `I32 [R]` | any value; a negative one turns backwards |
/// | `out` | `out [R, heads, headDim]` | may be the very range of `x` |
/// | `activeRows` | `I32 [1]` | optional; bounds the rows |
///
/// With `d = frequencies.dim()`, pair i of the run `firstRotated … firstRotated + d - 1` becomes
/// `(a cos φ - b sin φ, a sin φ + b cos φ) · magnitude` for `φ = position · inverseFrequency(i)`,
/// or `-φ` if `inverse`; so the inverse is the transpose, as backward needs it, and undoes the
/// rotation where the magnitude is
/// 1. Angles, cosines and sines are computed in F64, the products in F32 (F64 if `in` is F64), with
///    one rounding to `out`.
///
/// Source: DeepSeek-V3 `inference/model.py` (apply_rotary_emb), DeepSeek-V4 `inference/model.py`
/// (inverse on the output).
///
/// @param maxRows upper bound of the number of tokens
/// @param heads heads a token; 1 for a key that all heads share
/// @param headDim values a head
/// @param firstRotated first value of the rotated run
/// @param frequencies the angles and the length of the run
/// @param pairing which values turn together
/// @param inverse whether to turn the other way
/// @param in element type of `x`
/// @param out element type of the result
public record Rope(
        int maxRows,
        int heads,
        int headDim,
        int firstRotated,
        RotaryFrequencies frequencies,
        Pairing pairing,
        boolean inverse,
        DType in,
        DType out)
        implements KernelSpec<Rope.Args> {
    /// Which two values of the rotated run turn together.
    public enum Pairing {
        /// `2i` and `2i + 1`: the layout of every DeepSeek and Kimi checkpoint.
        INTERLEAVED,
        /// `i` and `i + d/2`: the indexer of DeepSeek-V3.2, and models in the Llama tradition.
        HALF_SPLIT
    }

    /// Operands, as tabled at [Rope].
    public record Args(Tensor x, Tensor positions, Tensor out, @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(positions, "positions");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands of a rotation of all rows}
        public static Args of(Tensor x, Tensor positions, Tensor out) {
            return new Args(x, positions, out, null);
        }

        /// {@return these with the number of live rows}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(x, positions, out, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("positions", positions)
                    .write("out", out, "x")
                    .read("activeRows", activeRows);
        }
    }

    public Rope {
        Require.positive("maxRows", maxRows);
        Require.positive("heads", heads);
        Require.positive("headDim", headDim);
        Objects.requireNonNull(frequencies, "frequencies");
        Objects.requireNonNull(pairing, "pairing");
        Require.that(
                frequencies.dim() <= headDim,
                "frequencies turn " + frequencies.dim() + " values, but headDim is " + headDim);
        Require.between("firstRotated", firstRotated, 0, headDim - frequencies.dim());
        Require.activation("in", in);
        Require.activation("out", out);
    }

    /// {@return the forward rotation of the last values of every head, interleaved}
    public static Rope of(
            int maxRows, int heads, int headDim, RotaryFrequencies frequencies, DType dtype) {
        int first = Math.max(0, headDim - frequencies.dim());
        return new Rope(
                maxRows,
                heads,
                headDim,
                first,
                frequencies,
                Pairing.INTERLEAVED,
                false,
                dtype,
                dtype);
    }

    /// {@return this rotation of another run}
    public Rope withFirstRotated(int first) {
        return new Rope(maxRows, heads, headDim, first, frequencies, pairing, inverse, in, out);
    }

    /// {@return this rotation of other pairs}
    public Rope withPairing(Pairing pairs) {
        return new Rope(
                maxRows, heads, headDim, firstRotated, frequencies, pairs, inverse, in, out);
    }

    /// {@return this rotation forwards or backwards}
    public Rope withInverse(boolean backwards) {
        return new Rope(
                maxRows, heads, headDim, firstRotated, frequencies, pairing, backwards, in, out);
    }

    /// {@return this rotation with other element types}
    public Rope withTypes(DType from, DType to) {
        return new Rope(
                maxRows, heads, headDim, firstRotated, frequencies, pairing, inverse, from, to);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, in, maxRows, heads, headDim);
        Require.tensor("positions", args.positions, DType.I32, rows);
        Require.tensor("out", args.out, out, rows, heads, headDim);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return six operations a pair; sines and cosines are not counted}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.x.dim(0));
    }

    private Cost cost(double rows) {
        double values = rows * heads * headDim;
        return new Cost(
                3 * rows * heads * frequencies.dim(),
                values * (in.bits() + out.bits()) / 8 + 4 * rows);
    }
}

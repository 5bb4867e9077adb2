package dev.halcyon.hal.kernel.norm;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Root-mean-square normalisation of every row: `out = x / sqrt(mean(x^2) + epsilon) * weight`.
///
/// | operand | type and shape |
/// |---|---|
/// | x | `in [R, dim]` |
/// | weight | `weight [dim]`; only if `weighted` |
/// | out | `out [R, dim]`; may be exactly x |
/// | inverseRms | optional F32 `[R]`: `1 / sqrt(mean(x^2) + epsilon)`, what the backward pass needs |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values |
///
/// Norms over heads are norms over rows: reshape `[T, heads, dim]` to `[T * heads, dim]` first.
///
/// *Numerics.* Everything in F32 (F64 where in and out are F64), one rounding, after the weight.
/// The order of summation depends on `dim` alone, so a row's result does not depend on the other
/// rows.
///
/// *Source.* DeepSeek-V3 inference/model.py, RMSNorm. `epsilon` has no default, because model code
/// is not of one mind: the latent norms of MLA use 1e-6 in some code bases where the configuration
/// says 1e-5.
///
/// @param maxRows most rows
/// @param dim columns
/// @param in element type of x
/// @param weight element type of the weight; without meaning unless `weighted`
/// @param out element type of the result
/// @param epsilon added to the mean square, at least 0
/// @param weighted whether columns are multiplied by a weight
public record RmsNorm(
        int maxRows, int dim, DType in, DType weight, DType out, double epsilon, boolean weighted)
        implements KernelSpec<RmsNorm.Args> {
    /// The operands; the table at [RmsNorm] gives their shapes.
    public record Args(
            Tensor x,
            @Nullable Tensor weight,
            Tensor out,
            @Nullable Tensor inverseRms,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments with a weight}
        public static Args of(Tensor x, Tensor weight, Tensor out) {
            return new Args(x, weight, out, null, null);
        }

        /// {@return arguments without a weight}
        public static Args unweighted(Tensor x, Tensor out) {
            return new Args(x, null, out, null, null);
        }

        /// {@return these arguments with a place for the inverse root mean squares}
        public Args withInverseRms(Tensor inverses) {
            return new Args(x, weight, out, inverses, activeRows);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(x, weight, out, inverseRms, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("weight", weight)
                    .read("activeRows", activeRows)
                    .write("out", out, "x")
                    .write("inverseRms", inverseRms);
        }
    }

    public RmsNorm {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Require.activation("in", in);
        Require.activation("weight", weight);
        Require.activation("out", out);
        Require.that(
                epsilon >= 0 && Double.isFinite(epsilon),
                "epsilon must be finite and not negative, not " + epsilon);
    }

    /// {@return the weighted norm with one type for rows, weight and result}
    public static RmsNorm of(int maxRows, int dim, DType dtype, double epsilon) {
        return new RmsNorm(maxRows, dim, dtype, dtype, dtype, epsilon, true);
    }

    /// {@return the norm without a weight}
    public static RmsNorm unweighted(int maxRows, int dim, DType dtype, double epsilon) {
        return new RmsNorm(maxRows, dim, dtype, dtype, dtype, epsilon, false);
    }

    /// {@return this norm over other element types}
    public RmsNorm withTypes(DType newIn, DType newWeight, DType newOut) {
        return new RmsNorm(maxRows, dim, newIn, newWeight, newOut, epsilon, weighted);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, in, maxRows, dim);
        Require.given("weight", args.weight, weighted);
        Require.optional("weight", args.weight, weight, dim);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, dim), "x", rows);
        Require.optional("inverseRms", args.inverseRms, DType.F32, rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds, three operations an element and one more for the weight}
    @Override
    public Cost cost() {
        return cost(maxRows, 0);
    }

    @Override
    public Cost cost(Args args) {
        long rows = args.x.dim(0);
        return cost(rows, args.inverseRms == null ? 0 : rows);
    }

    private Cost cost(long rows, long inverses) {
        long elements = rows * dim;
        double bytes =
                (double) in.bytes(elements)
                        + out.bytes(elements)
                        + (weighted ? weight.bytes(dim) : 0)
                        + DType.F32.bytes(inverses);
        return new Cost((weighted ? 4.0 : 3.0) * elements, bytes);
    }
}

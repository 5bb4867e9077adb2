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

/// Normalisation of every row by mean and variance: `out = (x - mean) / sqrt(variance + epsilon) *
/// weight + bias`.
///
/// | operand | type and shape |
/// |---|---|
/// | x | `in [R, dim]` |
/// | weight, bias | `weight [dim]` |
/// | out | `out [R, dim]`; may be exactly x |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values |
///
/// *Numerics.* Everything in F32 (F64 where in and out are F64), one rounding. The variance is the
/// mean of the squared distances from the mean (divided by `dim`, not by `dim - 1`) and is never
/// computed as a difference of squares. The order of summation depends on `dim` alone, so a row's
/// result does not depend on the other rows.
///
/// *Source.* Ba, Kiros, Hinton, "Layer Normalization" (2016); DeepSeek-V3.2 normalises the keys of
/// its indexer with it.
///
/// @param maxRows most rows
/// @param dim columns
/// @param in element type of x
/// @param weight element type of weight and bias
/// @param out element type of the result
/// @param epsilon added to the variance, at least 0
public record LayerNorm(int maxRows, int dim, DType in, DType weight, DType out, double epsilon)
        implements KernelSpec<LayerNorm.Args> {
    /// The operands; the table at [LayerNorm] gives their shapes.
    public record Args(
            Tensor x, Tensor weight, Tensor bias, Tensor out, @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(weight, "weight");
            Objects.requireNonNull(bias, "bias");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments with every row active}
        public static Args of(Tensor x, Tensor weight, Tensor bias, Tensor out) {
            return new Args(x, weight, bias, out, null);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(x, weight, bias, out, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("weight", weight)
                    .read("bias", bias)
                    .read("activeRows", activeRows)
                    .write("out", out, "x");
        }
    }

    public LayerNorm {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Require.activation("in", in);
        Require.activation("weight", weight);
        Require.activation("out", out);
        Require.that(
                epsilon >= 0 && Double.isFinite(epsilon),
                "epsilon must be finite and not negative, not " + epsilon);
    }

    /// {@return the norm with one type for rows, weight, bias and result}
    public static LayerNorm of(int maxRows, int dim, DType dtype, double epsilon) {
        return new LayerNorm(maxRows, dim, dtype, dtype, dtype, epsilon);
    }

    /// {@return this norm over other element types}
    public LayerNorm withTypes(DType newIn, DType newWeight, DType newOut) {
        return new LayerNorm(maxRows, dim, newIn, newWeight, newOut, epsilon);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, in, maxRows, dim);
        Require.tensor("weight", args.weight, weight, dim);
        Require.tensor("bias", args.bias, weight, dim);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, dim), "x", rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds, seven operations an element: mean 1, variance 3, normalise
    /// 1, weight and bias 2}
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
                7.0 * elements,
                (double) in.bytes(elements) + out.bytes(elements) + 2.0 * weight.bytes(dim));
    }
}

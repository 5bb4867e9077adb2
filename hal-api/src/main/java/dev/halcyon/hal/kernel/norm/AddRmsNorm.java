package dev.halcyon.hal.kernel.norm;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;
import java.util.Optional;

/// The residual addition and the norm after it in one pass: `sum = x + residual`, `out =
/// rmsnorm(sum) * weight`.
///
/// | operand | type and shape |
/// |---|---|
/// | x, residual | `in [R, dim]` |
/// | weight | `weight [dim]`; only if `weighted` |
/// | sum | `in [R, dim]`; may be exactly residual or x |
/// | out | `out [R, dim]` |
/// | activeRows | optional I32 `[1]`; rows from there on hold unspecified values |
///
/// *Numerics.* The sum is computed in F32 and rounded to `in`; the norm is that of the rounded sum,
/// as [RmsNorm] computes it. So a fused kernel and the lowering ([Axpby], then [RmsNorm]) agree.
///
/// @param maxRows most rows
/// @param dim columns
/// @param in element type of x, residual and sum
/// @param weight element type of the weight; without meaning unless `weighted`
/// @param out element type of the normalised rows
/// @param epsilon added to the mean square, at least 0
/// @param weighted whether columns are multiplied by a weight
public record AddRmsNorm(
        int maxRows, int dim, DType in, DType weight, DType out, double epsilon, boolean weighted)
        implements KernelSpec<AddRmsNorm.Args> {
    /// The operands; the table at [AddRmsNorm] gives their shapes.
    public record Args(
            Tensor x,
            Tensor residual,
            @Nullable Tensor weight,
            Tensor sum,
            Tensor out,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(residual, "residual");
            Objects.requireNonNull(sum, "sum");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments with a weight}
        public static Args of(Tensor x, Tensor residual, Tensor weight, Tensor sum, Tensor out) {
            return new Args(x, residual, weight, sum, out, null);
        }

        /// {@return arguments without a weight}
        public static Args unweighted(Tensor x, Tensor residual, Tensor sum, Tensor out) {
            return new Args(x, residual, null, sum, out, null);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(x, residual, weight, sum, out, rows);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("residual", residual)
                    .read("weight", weight)
                    .read("activeRows", activeRows)
                    .write("sum", sum, "residual", "x")
                    .write("out", out);
        }
    }

    public AddRmsNorm {
        Require.positive("maxRows", maxRows);
        Require.positive("dim", dim);
        Require.activation("in", in);
        Require.activation("weight", weight);
        Require.activation("out", out);
        Require.that(
                epsilon >= 0 && Double.isFinite(epsilon),
                "epsilon must be finite and not negative, not " + epsilon);
    }

    /// {@return the weighted norm with one type for everything}
    public static AddRmsNorm of(int maxRows, int dim, DType dtype, double epsilon) {
        return new AddRmsNorm(maxRows, dim, dtype, dtype, dtype, epsilon, true);
    }

    /// {@return the norm without a weight}
    public static AddRmsNorm unweighted(int maxRows, int dim, DType dtype, double epsilon) {
        return new AddRmsNorm(maxRows, dim, dtype, dtype, dtype, epsilon, false);
    }

    /// {@return this norm over other element types}
    public AddRmsNorm withTypes(DType newIn, DType newWeight, DType newOut) {
        return new AddRmsNorm(maxRows, dim, newIn, newWeight, newOut, epsilon, weighted);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, in, maxRows, dim);
        Require.sameRows(
                "residual", Require.rows("residual", args.residual, in, maxRows, dim), "x", rows);
        Require.given("weight", args.weight, weighted);
        Require.optional("weight", args.weight, weight, dim);
        Require.sameRows("sum", Require.rows("sum", args.sum, in, maxRows, dim), "x", rows);
        Require.sameRows("out", Require.rows("out", args.out, out, maxRows, dim), "x", rows);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost at the bounds, one operation an element more than [RmsNorm]}
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
        double bytes =
                3.0 * in.bytes(elements) + out.bytes(elements) + (weighted ? weight.bytes(dim) : 0);
        return new Cost((weighted ? 5.0 : 4.0) * elements, bytes);
    }

    @Override
    public Optional<Lowering<Args>> lowering() {
        Axpby add = Axpby.add(maxRows, dim, in);
        RmsNorm norm = new RmsNorm(maxRows, dim, in, weight, out, epsilon, weighted);
        return Optional.of(
                Lowering.<Args>builder()
                        .step(
                                add,
                                (args, scratch) ->
                                        new Axpby.Args(
                                                args.x,
                                                args.residual,
                                                args.sum,
                                                null,
                                                args.activeRows))
                        .step(
                                norm,
                                (args, scratch) ->
                                        new RmsNorm.Args(
                                                args.sum,
                                                args.weight,
                                                args.out,
                                                null,
                                                args.activeRows))
                        .build());
    }
}

package dev.halcyon.hal.kernel.linear;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// The matrix product, plain or batched: `out = alpha * op(a) op(b) + beta * out`.
///
/// | operand | type and shape | transposed |
/// |---|---|---|
/// | a | `a [M, k]` or `[B, M, k]` | `[k, M]` or `[B, k, M]` |
/// | b | `b [k, n]` or `[B, k, n]` | `[n, k]` or `[B, n, k]`, the usual form of a linear layer's weight |
/// | out | `out [M, n]` or `[B, M, n]`; read as well if `beta` is not 0 | |
/// | activeRows | optional I32 `[1]`; rows of M from there on hold unspecified values | |
///
/// All three have a batch or none has, with one exception: b without a batch under a and out with
/// one is shared by the whole batch. A TensorList is a batch. Tensors may have any batch and row
/// strides, such as those of one head in `[T, heads, dim]`; quantized, listed and packed weights
/// have no gaps. M, the batch or `k` may be 0; where `k` is, the result is `beta * out`.
///
/// *Numerics.* Products and sums in `accumulate`; a block-scaled b is multiplied by its scales
/// before or after the sum over a block, at the kernel's choice. One rounding, after alpha and
/// beta. With `beta = 0` out is not read, so NaN in it does no harm. `batchInvariant` makes a row
/// of the result depend on that row of a, on b and on this spec alone, bit for bit, whatever M, the
/// batch and the bounds are.
///
/// @param maxBatch most matrices; 1 also stands for operands without a batch
/// @param maxM most rows of a result
/// @param n columns of a result
/// @param k length of the sums, at least 0
/// @param a element type of a
/// @param b storage of b
/// @param out element type of the result
/// @param accumulate F32 or F64
/// @param transposeA whether a is stored transposed
/// @param transposeB whether b is stored transposed
/// @param alpha factor of the product
/// @param beta factor of what out held before
/// @param batchInvariant whether the result of a row must not depend on the other rows
public record Gemm(
        int maxBatch,
        int maxM,
        int n,
        int k,
        DType a,
        WeightFormat b,
        DType out,
        DType accumulate,
        boolean transposeA,
        boolean transposeB,
        double alpha,
        double beta,
        boolean batchInvariant)
        implements KernelSpec<Gemm.Args> {
    /// The operands; the table at [Gemm] gives their shapes.
    public record Args(Tensor a, Operand b, Tensor out, @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(a, "a");
            Objects.requireNonNull(b, "b");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments with every row active}
        public static Args of(Tensor a, Operand b, Tensor out) {
            return new Args(a, b, out, null);
        }

        /// {@return these arguments with a bound on the rows that count}
        public Args withActiveRows(Tensor rows) {
            return new Args(a, b, out, rows);
        }

        /// {@return the operands, out as one that is updated; [Gemm#operands(Args)] knows whether
        /// it is}
        @Override
        public Operands operands() {
            return inputs().update("out", out);
        }

        private Operands inputs() {
            return Operands.of().read("a", a).read("b", b).read("activeRows", activeRows);
        }
    }

    public Gemm {
        Require.positive("maxBatch", maxBatch);
        Require.positive("maxM", maxM);
        Require.positive("n", n);
        Require.notNegative("k", k);
        MatrixOperands.requireTypes(a, b, out, accumulate);
        Require.finite("alpha", alpha);
        Require.finite("beta", beta);
    }

    /// {@return a linear layer, `out = a bᵀ`, with b stored `[out, in]`, accumulating in F32}
    ///
    /// @param maxRows most rows
    /// @param in width of the input, the length of the sums
    /// @param out width of the output
    public static Gemm linear(int maxRows, int in, int out, DType x, WeightFormat w, DType y) {
        return new Gemm(1, maxRows, out, in, x, w, y, DType.F32, false, true, 1, 0, false);
    }

    /// {@return a batch of plain products, `out = a b`, neither side transposed, accumulating in
    /// F32}
    public static Gemm batched(
            int maxBatch, int maxM, int n, int k, DType a, WeightFormat b, DType out) {
        return new Gemm(maxBatch, maxM, n, k, a, b, out, DType.F32, false, false, 1, 0, false);
    }

    /// {@return this product with other transpositions}
    public Gemm withTransposed(boolean newA, boolean newB) {
        return new Gemm(
                maxBatch,
                maxM,
                n,
                k,
                a,
                b,
                out,
                accumulate,
                newA,
                newB,
                alpha,
                beta,
                batchInvariant);
    }

    /// {@return this product with other factors}
    public Gemm withFactors(double newAlpha, double newBeta) {
        return new Gemm(
                maxBatch,
                maxM,
                n,
                k,
                a,
                b,
                out,
                accumulate,
                transposeA,
                transposeB,
                newAlpha,
                newBeta,
                batchInvariant);
    }

    /// {@return this product with another accumulate type}
    public Gemm withAccumulate(DType newAccumulate) {
        return new Gemm(
                maxBatch,
                maxM,
                n,
                k,
                a,
                b,
                out,
                newAccumulate,
                transposeA,
                transposeB,
                alpha,
                beta,
                batchInvariant);
    }

    /// {@return this product with or without batch invariance}
    public Gemm withBatchInvariant(boolean invariant) {
        return new Gemm(
                maxBatch,
                maxM,
                n,
                k,
                a,
                b,
                out,
                accumulate,
                transposeA,
                transposeB,
                alpha,
                beta,
                invariant);
    }

    @Override
    public void validate(Args args) {
        int rank = args.a.rank();
        Require.that(
                rank == 2 || rank == 3,
                "a must have two dimensions, or three with a batch, not " + args.a);
        boolean batched = rank == 3;
        Require.that(
                args.out.rank() == rank,
                "out must have " + rank + " dimensions as a has, not " + args.out);
        long batch = batched ? args.a.dim(0) : 1;
        Require.that(
                batch <= maxBatch,
                "a has a batch of " + batch + ", the plan's upper bound is " + maxBatch);
        long m = args.a.dim(transposeA ? -1 : -2);
        Require.that(m <= maxM, "a has " + m + " rows, the plan's upper bound is " + maxM);
        Require.tensor(
                "a", args.a, a, dims(batched, batch, transposeA ? k : m, transposeA ? m : k));
        Require.tensor("out", args.out, out, dims(batched, batch, m, n));
        boolean shared = !batched || args.b.shape().rank() == 2;
        MatrixOperands.requireMatrix(
                "b", args.b, b, dims(!shared, batch, transposeB ? n : k, transposeB ? k : n));
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Operands operands(Args args) {
        return beta == 0 ? args.inputs().write("out", args.out) : args.operands();
    }

    /// {@return `2 * batch * m * n * k` operations at the bounds, with a b of its own for each
    /// matrix}
    @Override
    public Cost cost() {
        return cost(maxBatch, maxM, maxBatch);
    }

    @Override
    public Cost cost(Args args) {
        boolean batched = args.a.rank() == 3;
        long batch = batched ? args.a.dim(0) : 1;
        long m = args.a.dim(transposeA ? -1 : -2);
        return cost(batch, m, batched && args.b.shape().rank() == 3 ? batch : 1);
    }

    private Cost cost(long batch, long m, long matricesOfB) {
        double bytes =
                (double) a.bytes(batch * m * k)
                        + MatrixOperands.bytes(
                                b, matricesOfB, transposeB ? n : k, transposeB ? k : n)
                        + (beta == 0 ? 1.0 : 2.0) * out.bytes(batch * m * n);
        return new Cost(2.0 * batch * m * n * k, bytes);
    }

    private static long[] dims(boolean batched, long batch, long rows, long columns) {
        return batched ? new long[] {batch, rows, columns} : new long[] {rows, columns};
    }
}

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

/// Several matrix products at once whose row counts only the device knows: the experts of an MoE
/// layer.
///
/// With G groups and the segment of group g being the `segmentCount[g]` rows from row
/// `segmentStart[g]` on:
///
/// | kind | a | b | out | result |
/// |---|---|---|---|---|
/// | [Kind#CONTIGUOUS] | `[R, k]` | `[G, n, k]` | `[R, n]` | `out[r] = a[r] b[g]ᵀ` for the rows r of segment g |
/// | [Kind#MASKED] | `[G, C, k]` | `[G, n, k]` | `[G, C, n]` | `out[g, r] = a[g, r] b[g]ᵀ` for `r < segmentCount[g]` |
/// | [Kind#K_GROUPED] | `[R, n]` | `[R, k]` | `[G, n, k]` | `out[g] = Σ a[r]ᵀ b[r]` over the rows r of segment g |
///
/// with R and C at most `maxRows`. Both segment tensors are I32 `[G]`; `segmentStart` is absent if
/// MASKED, since every group has its own rows there. a has elements `a`, b storage `b`, out
/// elements `out`.
///
/// Rows outside every segment hold unspecified values afterwards. A segment may be empty; K_GROUPED
/// then gives zeros, or leaves `out[g]` as it was under `add`. Segments do not overlap. A segment
/// that leaves its rows, or whose count is negative, is skipped and raises the fault word: it
/// counts as empty. a and out may have any strides outside their innermost dimension; b has no
/// gaps, except that a plain Tensor may have any row stride.
///
/// *Numerics.* Products and sums in `accumulate`; one rounding, after `add`. `batchInvariant` makes
/// a row of the result (a group's result, if K_GROUPED) depend on that row (its segment) and on
/// `b[g]` alone, bit for bit, wherever the segment lies and whatever the bounds are.
///
/// @param kind which of the three products
/// @param groups G
/// @param maxRows most rows of a, of one group if MASKED
/// @param n rows of `b[g]`; columns of a if K_GROUPED
/// @param k columns of `b[g]`, or of b if K_GROUPED; at least 1
/// @param a element type of a
/// @param b storage of b; K_GROUPED takes a plain Tensor only
/// @param out element type of the result
/// @param accumulate F32 or F64
/// @param add whether the result is added to what out held before
/// @param batchInvariant whether a result must not depend on the other rows
public record GroupedGemm(
        Kind kind,
        int groups,
        int maxRows,
        int n,
        int k,
        DType a,
        WeightFormat b,
        DType out,
        DType accumulate,
        boolean add,
        boolean batchInvariant)
        implements KernelSpec<GroupedGemm.Args> {
    /// How rows belong to groups, and over what is summed.
    public enum Kind {
        /// Segments of one matrix, anywhere in it: prefill and training.
        CONTIGUOUS,
        /// A matrix of its own for each group, filled from the top: decode, where shapes must not
        /// change.
        MASKED,
        /// The rows of a segment are summed away: weight gradients.
        K_GROUPED
    }

    /// The operands; the table at [GroupedGemm] gives their shapes.
    public record Args(
            Tensor a, Operand b, @Nullable Tensor segmentStart, Tensor segmentCount, Tensor out)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(a, "a");
            Objects.requireNonNull(b, "b");
            Objects.requireNonNull(segmentCount, "segmentCount");
            Objects.requireNonNull(out, "out");
        }

        /// {@return arguments for segments of one matrix, [Kind#CONTIGUOUS] or [Kind#K_GROUPED]}
        public static Args of(
                Tensor a, Operand b, Tensor segmentStart, Tensor segmentCount, Tensor out) {
            return new Args(a, b, segmentStart, segmentCount, out);
        }

        /// {@return arguments for a matrix of its own for each group, [Kind#MASKED]}
        public static Args masked(Tensor a, Operand b, Tensor segmentCount, Tensor out) {
            return new Args(a, b, null, segmentCount, out);
        }

        /// {@return the operands, out as one that is updated; [GroupedGemm#operands(Args)] knows
        /// whether it is}
        @Override
        public Operands operands() {
            return inputs().update("out", out);
        }

        private Operands inputs() {
            return Operands.of()
                    .read("a", a)
                    .read("b", b)
                    .read("segmentStart", segmentStart)
                    .read("segmentCount", segmentCount);
        }
    }

    public GroupedGemm {
        Objects.requireNonNull(kind, "kind");
        Require.positive("groups", groups);
        Require.positive("maxRows", maxRows);
        Require.positive("n", n);
        Require.positive("k", k);
        MatrixOperands.requireTypes(a, b, out, accumulate);
        Require.that(
                kind != Kind.K_GROUPED || b.equals(WeightFormat.rowMajor(b.dtype())),
                "b must be a plain row-major tensor if K_GROUPED, not " + b);
    }

    /// {@return the product over segments of one matrix, accumulating in F32}
    public static GroupedGemm contiguous(
            int groups, int maxRows, int n, int k, DType a, WeightFormat b, DType out) {
        return new GroupedGemm(
                Kind.CONTIGUOUS, groups, maxRows, n, k, a, b, out, DType.F32, false, false);
    }

    /// {@return the product over a matrix of its own for each group, accumulating in F32}
    ///
    /// @param maxRows most rows of one group
    public static GroupedGemm masked(
            int groups, int maxRows, int n, int k, DType a, WeightFormat b, DType out) {
        return new GroupedGemm(
                Kind.MASKED, groups, maxRows, n, k, a, b, out, DType.F32, false, false);
    }

    /// {@return the sum over the rows of each segment, accumulating in F32}
    public static GroupedGemm kGrouped(
            int groups, int maxRows, int n, int k, DType a, DType b, DType out) {
        return new GroupedGemm(
                Kind.K_GROUPED,
                groups,
                maxRows,
                n,
                k,
                a,
                WeightFormat.rowMajor(b),
                out,
                DType.F32,
                false,
                false);
    }

    /// {@return this product with another accumulate type}
    public GroupedGemm withAccumulate(DType newAccumulate) {
        return new GroupedGemm(
                kind, groups, maxRows, n, k, a, b, out, newAccumulate, add, batchInvariant);
    }

    /// {@return this product, added to what out held or replacing it}
    public GroupedGemm withAdd(boolean newAdd) {
        return new GroupedGemm(
                kind, groups, maxRows, n, k, a, b, out, accumulate, newAdd, batchInvariant);
    }

    /// {@return this product with or without batch invariance}
    public GroupedGemm withBatchInvariant(boolean invariant) {
        return new GroupedGemm(kind, groups, maxRows, n, k, a, b, out, accumulate, add, invariant);
    }

    @Override
    public void validate(Args args) {
        switch (kind) {
            case CONTIGUOUS -> {
                long rows = Require.rows("a", args.a, a, maxRows, k);
                MatrixOperands.requireMatrix("b", args.b, b, groups, n, k);
                Require.sameRows("out", Require.rows("out", args.out, out, maxRows, n), "a", rows);
            }
            case MASKED -> {
                Require.tensor("a", args.a, a, groups, -1, k);
                long rows = args.a.dim(1);
                Require.that(
                        rows <= maxRows,
                        "a has "
                                + rows
                                + " rows in each group, the plan's upper bound is "
                                + maxRows);
                MatrixOperands.requireMatrix("b", args.b, b, groups, n, k);
                Require.tensor("out", args.out, out, groups, rows, n);
            }
            case K_GROUPED -> {
                long rows = Require.rows("a", args.a, a, maxRows, n);
                MatrixOperands.requireMatrix("b", args.b, b, rows, k);
                Require.tensor("out", args.out, out, groups, n, k);
            }
        }
        Require.given("segmentStart", args.segmentStart, kind != Kind.MASKED);
        Require.optional("segmentStart", args.segmentStart, DType.I32, groups);
        Require.tensor("segmentCount", args.segmentCount, DType.I32, groups);
    }

    @Override
    public Operands operands(Args args) {
        return add ? args.operands() : args.inputs().write("out", args.out);
    }

    /// {@return the cost with every row of the bound in a segment: `2 * rows * n * k` operations,
    /// every weight read once}
    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    /// {@return the cost with every row of the arguments in a segment; the counts themselves are
    /// known to the device only}
    @Override
    public Cost cost(Args args) {
        return cost(kind == Kind.MASKED ? args.a.dim(1) : args.a.dim(0));
    }

    private Cost cost(long boundedRows) {
        long rows = kind == Kind.MASKED ? groups * boundedRows : boundedRows;
        long tables = kind == Kind.MASKED ? 1 : 2;
        double outTimes = add ? 2 : 1;
        double bytes =
                tables * DType.I32.bytes(groups)
                        + (kind == Kind.K_GROUPED
                                ? a.bytes(rows * n)
                                        + b.dtype().bytes(rows * k)
                                        + outTimes * out.bytes((long) groups * n * k)
                                : a.bytes(rows * k)
                                        + MatrixOperands.bytes(b, groups, n, k)
                                        + outTimes * out.bytes(rows * n));
        return new Cost(2.0 * rows * n * k, bytes);
    }
}

package dev.halcyon.backend.cpu.product;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

/// What a product computes and how large it may get: `out[g] = alpha * op(left[g]) op(right[g]) +
/// beta * addend[g]`.
///
/// @param groups number of independent products
/// @param maxRows most rows of all groups together
/// @param maxGroupRows most rows of one group
/// @param columns columns of a result, the same in every group
/// @param maxDepth most products in a sum
/// @param left element type of the left-hand side
/// @param leftTransposed whether it is stored `[depth, rows]` rather than `[rows, depth]`
/// @param right storage of the right-hand side
/// @param rightTransposed whether it is stored `[columns, depth]`, the form of a linear layer's
///   weight
/// @param out element type of results and addend: F32, BF16 or F16
/// @param alpha factor of the product
/// @param beta factor of the addend; with 0 it is not read
/// @param invariant whether a row's result must not depend on the other rows
/// @param symmetric whether the result is known to be a symmetric matrix, so that half of it need
///   not be computed
public record ProductShape(
        int groups,
        int maxRows,
        int maxGroupRows,
        int columns,
        int maxDepth,
        DType left,
        boolean leftTransposed,
        WeightFormat right,
        boolean rightTransposed,
        DType out,
        float alpha,
        float beta,
        boolean invariant,
        boolean symmetric) {
    /// {@return one product `left rightᵀ` with `right` stored `[columns, depth]`}
    public static ProductShape of(
            int rows, int columns, int depth, DType left, WeightFormat right, DType out) {
        return new ProductShape(
                1, rows, rows, columns, depth, left, false, right, true, out, 1, 0, false, false);
    }

    /// {@return `count` products of this shape}
    public ProductShape inGroups(int count) {
        return inGroups(count, Math.multiplyExact(count, maxGroupRows));
    }

    /// {@return `count` products of up to this shape that have `totalRows` rows together}
    public ProductShape inGroups(int count, int totalRows) {
        return new ProductShape(
                count,
                totalRows,
                maxGroupRows,
                columns,
                maxDepth,
                left,
                leftTransposed,
                right,
                rightTransposed,
                out,
                alpha,
                beta,
                invariant,
                symmetric);
    }

    /// {@return this product of operands stored otherwise}
    public ProductShape withTransposed(boolean newLeft, boolean newRight) {
        return new ProductShape(
                groups,
                maxRows,
                maxGroupRows,
                columns,
                maxDepth,
                left,
                newLeft,
                right,
                newRight,
                out,
                alpha,
                beta,
                invariant,
                symmetric);
    }

    /// {@return this product with other factors}
    public ProductShape withFactors(float newAlpha, float newBeta) {
        return new ProductShape(
                groups,
                maxRows,
                maxGroupRows,
                columns,
                maxDepth,
                left,
                leftTransposed,
                right,
                rightTransposed,
                out,
                newAlpha,
                newBeta,
                invariant,
                symmetric);
    }

    /// {@return this product with or without batch invariance}
    public ProductShape withInvariant(boolean newInvariant) {
        return new ProductShape(
                groups,
                maxRows,
                maxGroupRows,
                columns,
                maxDepth,
                left,
                leftTransposed,
                right,
                rightTransposed,
                out,
                alpha,
                beta,
                newInvariant,
                symmetric);
    }

    /// {@return this product, whose result is a symmetric matrix: `X Xᵀ`, or a polynomial of such
    /// matrices}
    ///
    /// The addend must be symmetric as well, and be another matrix than the result.
    public ProductShape asSymmetric() {
        return new ProductShape(
                groups,
                maxRows,
                maxGroupRows,
                columns,
                maxDepth,
                left,
                leftTransposed,
                right,
                rightTransposed,
                out,
                alpha,
                beta,
                invariant,
                true);
    }
}

package dev.halcyon.backend.cuda.blas;

import dev.halcyon.hal.memory.DType;

/// A batch of products as cuBLASLt sees it, in column-major order: `c = alpha op(a) op(b) + beta
/// c`.
///
/// @param a the left side
/// @param b the right side
/// @param c the result
/// @param batch matrices
/// @param alpha factor of the product
/// @param beta factor of what was there before
public record ProductShape(Side a, Side b, Side c, int batch, float alpha, float beta) {
    /// A matrix of the batch as it is stored, column after column.
    ///
    /// @param type its `cudaDataType`
    /// @param address device address
    /// @param rows elements of a column
    /// @param columns columns
    /// @param leading elements from a column to the next
    /// @param batchStride elements from a matrix to the next
    /// @param transposed whether the product takes it transposed
    public record Side(
            int type,
            long address,
            long rows,
            long columns,
            long leading,
            long batchStride,
            boolean transposed) {}

    /// {@return the `cudaDataType` of an element type}
    ///
    /// @throws IllegalArgumentException if it is none of F32, F16 and BF16
    public static int typeOf(DType dtype) {
        return switch (dtype) {
            case F32 -> 0;
            case F16 -> 2;
            case BF16 -> 14;
            default ->
                    throw new IllegalArgumentException("no product of " + dtype + " is asked for");
        };
    }
}

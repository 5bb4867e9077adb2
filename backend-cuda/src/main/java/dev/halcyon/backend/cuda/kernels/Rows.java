package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.memory.Tensor;

/// Sizes of a matrix in the units in which device code moves it: elements, or bytes of two for
/// packed types.
///
/// @param tensor a matrix whose columns are neighbours
record Rows(Tensor tensor) {
    /// Rows that are longer get a block each, shorter ones a warp; device code says the same.
    private static final long LONGEST_WARP_ROW = 512;

    static final int BLOCK = 256;
    private static final int WARPS = BLOCK / 32;

    long count() {
        return tensor.dim(0);
    }

    /// {@return units of a row}
    long dim() {
        return tensor.dtype().isPacked() ? tensor.dim(1) / 2 : tensor.dim(1);
    }

    /// {@return units from one row to the next}
    long stride() {
        // Between rows of one there is nothing to step over, whatever the stride says.
        return tensor.dtype().isPacked() ? tensor.stride(0) / 2 : tensor.stride(0);
    }

    int unitBytes() {
        return tensor.dtype().isPacked() ? 1 : tensor.dtype().bits() / 8;
    }

    boolean isEmpty() {
        return count() == 0;
    }

    /// {@return blocks for a loop over all elements}
    int elementBlocks() {
        return StridedTransfers.blocks(count() * dim());
    }

    /// {@return blocks for a team a row}
    int teamBlocks() {
        long blocks = dim() <= LONGEST_WARP_ROW ? Math.ceilDiv(count(), WARPS) : count();
        return Math.toIntExact(blocks);
    }
}

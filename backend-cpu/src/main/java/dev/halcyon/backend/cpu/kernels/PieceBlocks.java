package dev.halcyon.backend.cpu.kernels;

/// The blocks of elements that the tensors of a list are cut into, numbered through; none spans two
/// tensors.
///
/// @param pieces number of tensors
/// @param elements elements of each
record PieceBlocks(int pieces, long elements) {
    private static final int BLOCK_ELEMENTS = 16 * Scratch.LENGTH;

    private long perPiece() {
        return Math.ceilDiv(elements, BLOCK_ELEMENTS);
    }

    /// {@return the number of blocks}
    int count() {
        return Math.toIntExact(pieces * perPiece());
    }

    /// {@return the tensor of a block}
    int piece(int block) {
        return (int) (block / perPiece());
    }

    /// {@return the first element of a block}
    long first(int block) {
        return block % perPiece() * BLOCK_ELEMENTS;
    }

    /// {@return the element after the last of a block}
    long end(int block) {
        return Math.min(elements, first(block) + BLOCK_ELEMENTS);
    }
}

package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;

/// Where an orthogonalisation keeps what lies between its products, and how many matrices it has in
/// work at a time.
///
/// Enough matrices are in work that the smallest product has a few tiles for every multiprocessor,
/// and no more, so that the workspace does not grow with the number of matrices. All offsets are
/// from the start of the workspace.
///
/// @param spec the orthogonalisation
/// @param tile rows of a block's tile in a product
/// @param atOnce matrices in work
/// @param parts parts in which the sum of a matrix's squares is added up
record NewtonSchulzMemory(NewtonSchulz spec, int tile, int atOnce, int parts) {
    /// Rows of the smaller and of the larger blocks; device code says the same.
    static final int SMALL_TILE = 64;

    static final int LARGE_TILE = 128;

    /// Where the larger blocks begin to be better.
    private static final int LARGE_SIDE = 257;

    /// Four tiles for each of the multiprocessors of a large GPU.
    private static final int ENOUGH_TILES = 528;

    private static final long MOST_BYTES = 2L << 30;
    private static final int MOST_PARTS = 256;
    private static final int TURN = 32;
    private static final int ALIGNMENT = 256;

    /// Rows begin at multiples of 16 bytes of 16-bit elements.
    private static final int ROW_ALIGNMENT = 8;

    /// Operands that may be lists.
    private static final int TABLES = 3;

    /// Small matrices that are needed at once.
    private static final int PLAIN_SQUARES = 2;

    private static final int GRAM_SQUARES = 5;

    static NewtonSchulzMemory of(NewtonSchulz spec) {
        int n = spec.shortSide();
        boolean large = spec.compute() != DType.F32 && n >= LARGE_SIDE;
        int tile = large ? LARGE_TILE : SMALL_TILE;
        long across = Math.ceilDiv(n, tile);
        long turns = (long) Math.ceilDiv(spec.rows(), TURN) * Math.ceilDiv(spec.columns(), TURN);
        int parts = (int) Math.min(turns, MOST_PARTS);
        NewtonSchulzMemory one = new NewtonSchulzMemory(spec, tile, 1, parts);
        long enough = Math.ceilDiv(ENOUGH_TILES, across * (across + 1) / 2);
        long room = MOST_BYTES / (one.bytes() - one.squares());
        long atOnce = Math.min(Math.min(enough, room), spec.matrices());
        return new NewtonSchulzMemory(spec, tile, (int) Math.max(1, atOnce), parts);
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    private static long rowStride(int elements) {
        return Math.ceilDiv(elements, ROW_ALIGNMENT) * (long) ROW_ALIGNMENT;
    }

    /// {@return elements from row to row of a whole matrix}
    long longStride() {
        return rowStride(spec.longSide());
    }

    /// {@return elements from row to row of a small matrix}
    long shortStride() {
        return rowStride(spec.shortSide());
    }

    /// {@return the bytes of a whole matrix}
    long longBytes() {
        return spec.compute().bytes(spec.shortSide() * longStride());
    }

    /// {@return the bytes of a small matrix}
    long shortBytes() {
        return spec.compute().bytes(spec.shortSide() * shortStride());
    }

    /// {@return where the sums of squares are, behind the tables of addresses}
    long squares() {
        return aligned(TABLES * AddressTable.bytes(spec.matrices()));
    }

    /// {@return where the first (0) or second (1) form of the whole matrices is}
    long whole(int number) {
        long first = squares() + aligned(DType.F32.bytes((long) atOnce * parts));
        return first + number * aligned(atOnce * longBytes());
    }

    /// {@return where small matrices of a number are}
    long small(int number) {
        return whole(2) + number * aligned(atOnce * shortBytes());
    }

    /// {@return the bytes of everything}
    long bytes() {
        return small(spec.usesGram() ? GRAM_SQUARES : PLAIN_SQUARES);
    }
}

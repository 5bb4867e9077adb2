package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// What the attention kernels take beside the types of [RowTypes].
final class AttentionTypes {
    /// What would work where a cache is refused.
    static final String CACHES = "a row-major cache of F32, BF16, F16, F8_E4M3 or F8_E5M2";

    /// What would work where a scale is refused.
    static final String SCALES = "a softmaxScale between 1e-37 and 1e37";

    /// Most values of a key or a value: far more than any model has, far fewer than would overflow
    /// a position.
    static final int MAX_DIM = 1 << 20;

    private AttentionTypes() {}

    /// {@return whether the kernels read and write caches of the format}
    static boolean cache(CacheFormat format) {
        boolean type =
                !RowTypes.lacksAny(format.dtype())
                        || format.dtype() == DType.F8_E4M3
                        || format.dtype() == DType.F8_E5M2;
        return type
                && format.isRowMajor()
                && format.bytesPerPage()
                        == format.dtype().bytes((long) format.rowsPerPage() * format.rowDim());
    }

    /// {@return the rows of a pool by slot}
    static Rows rows(CachePool pool) {
        CacheFormat format = pool.format();
        return new Rows(
                format.dtype(),
                pool.storage().buffer().segment(),
                pool.storage().byteOffset(),
                format.dtype().bytes(format.rowDim()),
                pool.slots());
    }

    /// Copies or converts elements from a row to a row.
    static void convert(
            RowLoops loops,
            Rows from,
            long fromRow,
            long fromColumn,
            Rows to,
            long row,
            long column,
            int n) {
        if (from.dtype() == to.dtype()) {
            long bytes = to.dtype().bytes(n);
            MemorySegment.copy(
                    from.memory(),
                    from.at(fromRow, fromColumn),
                    to.memory(),
                    to.at(row, column),
                    bytes);
            return;
        }
        float[] values = Scratch.get().a;
        for (int done = 0; done < n; done += Scratch.LENGTH) {
            int length = Math.min(Scratch.LENGTH, n - done);
            from.load(loops, fromRow, fromColumn + done, values, 0, length);
            to.store(loops, values, 0, length, row, column + done);
        }
    }

    /// {@return whether the loops can multiply base-2 logits by the scale}
    static boolean scale(double softmaxScale) {
        float scale = OnlineSoftmax.baseTwoScale(softmaxScale);
        return scale >= Float.MIN_NORMAL && scale <= Float.MAX_VALUE;
    }
}

package dev.halcyon.backend.cpu.loops;

/// How a block of keys or values lies in scratch memory: F32 rows in groups, a group's rows
/// interleaved `chunk` values at a time, `[group][columns / chunk][row of the group][chunk]`.
///
/// So a register tile reaches the same column of all rows of a group, and neighbouring chunks of a
/// row, at constant distances from one address, and nothing had to be transposed.
///
/// @param group rows a group
/// @param chunk neighbours of a row that stay together
/// @param stride bytes from one group to the next
public record GroupedRows(int group, int chunk, long stride) {
    private static final long PAGE_BYTES = 4096;

    /// Groups begin this much further on in their page than the one before, so that the same
    /// columns of several groups do not share a few sets of the first-level cache.
    private static final long SHIFT_BYTES = 1024;

    /// {@return the layout of rows of so many columns}
    public static GroupedRows of(int group, int chunk, int columns) {
        long bytes = 4L * group * Math.ceilDiv(columns, chunk) * chunk;
        long gap = group == 1 ? 0 : Math.floorMod(SHIFT_BYTES - bytes, PAGE_BYTES);
        return new GroupedRows(group, chunk, bytes + gap);
    }

    /// {@return the first byte of a row}
    public long row(int row) {
        return row / group * stride + row % group * (4L * chunk);
    }

    /// {@return how far behind a row's first byte a column is}
    public long column(int column) {
        return column / chunk * chunkStride() + column % chunk * 4L;
    }

    /// {@return bytes from one chunk of a row to the next}
    public long chunkStride() {
        return 4L * group * chunk;
    }

    /// {@return the size of a block of rows}
    public long bytes(int rows) {
        return Math.ceilDiv(rows, group) * stride;
    }
}

package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Packing of left-hand rows into F32 scratch, in the order in which one of the two kinds of tiles
/// reads them.
///
/// A tile over panels wants `[depth][rows of the tile]`: one stream, because eight rows of 28 KiB
/// fall into one cache set. A tile along k wants rows, each in the plane order of the weight and
/// padded with zeros, whose pitch avoids the same collision.
final class LeftPacker {
    private static final long PITCH_GAP = 64;

    private final MatrixLoops loops;
    private final Matrices left;
    private final boolean transposed;
    private final int planes;
    private final @Nullable MemorySegment rowTable;

    LeftPacker(MatrixLoops loops, Matrices left, boolean transposed, int planes) {
        this(loops, left, transposed, planes, null);
    }

    /// @param rowTable I32 numbers of the rows of `left` that are the rows to pack, ascending
    ///   within a tile; null for the rows themselves
    LeftPacker(
            MatrixLoops loops,
            Matrices left,
            boolean transposed,
            int planes,
            @Nullable MemorySegment rowTable) {
        this.loops = loops;
        this.left = left;
        this.transposed = transposed;
        this.planes = planes;
        this.rowTable = rowTable;
    }

    private long source(long row) {
        return rowTable == null ? row : rowTable.get(Elements.INT, row * Integer.BYTES);
    }

    /// {@return bytes from a row to the next in rows for tiles along k}
    static long rowPitch(MatrixLoops loops, long depth) {
        // A main part cut to whole vectors of words, and a tail padded to whole vectors: at most
        // one vector more.
        return (depth + loops.lanes()) * Float.BYTES + PITCH_GAP;
    }

    /// {@return bytes of `rows` rows of panel tiles}
    static long tileBytes(MatrixLoops loops, int rows, long depth) {
        return paddedRows(loops, rows) * paddedDepth(depth) * Float.BYTES;
    }

    /// {@return `rows` with the padding of the last panel tile}
    static long paddedRows(MatrixLoops loops, int rows) {
        int row = 0;
        while (row < rows) {
            row += loops.panelTile(rows - row);
        }
        return row;
    }

    /// {@return the depth of panel tiles: BF16 panels hold pairs}
    static long paddedDepth(long depth) {
        return depth + (depth & 1);
    }

    /// Packs elements `from` to `to` along k of some rows into panel tiles.
    void packTiles(
            int group,
            int firstRow,
            int rows,
            int depth,
            int from,
            int to,
            MemorySegment out,
            long outAt) {
        int row = 0;
        long at = outAt;
        while (row < rows) {
            int tile = loops.panelTile(rows - row);
            packTile(group, firstRow + row, Math.min(tile, rows - row), tile, from, to, out, at);
            if (to == depth && (depth & 1) != 0) {
                Elements.clear(out, at + (long) depth * tile * Float.BYTES, Float.BYTES, tile);
            }
            at += tile * paddedDepth(depth) * Float.BYTES;
            row += tile;
        }
    }

    private void packTile(
            int group, int row, int rows, int tile, int from, int to, MemorySegment out, long at) {
        MemorySegment segment = left.segment(group);
        DType type = left.dtype();
        long step = (long) tile * Float.BYTES;
        long to0 = at + from * step;
        long pitch = left.rowBytes();
        int steps = to - from;
        if (transposed) {
            long source = left.at(group, from, row);
            loops.packColumns(type, segment, source, pitch, rows, steps, out, to0, tile);
        } else if (rowTable == null) {
            long source = left.at(group, row, from);
            loops.packRows(type, segment, source, pitch, rows, steps, out, to0, tile);
        } else {
            // Two at a time, as the loops like them; a group's rows ascend in the table.
            for (int i = 0; i < rows; i += 2) {
                int both = Math.min(2, rows - i);
                long source = left.at(group, source(row + i), from);
                long distance = left.at(group, source(row + i + both - 1), from) - source;
                long to1 = to0 + (long) i * Float.BYTES;
                loops.packRows(type, segment, source, distance, both, steps, out, to1, tile);
            }
        }
        for (int i = rows; i < tile; i++) {
            Elements.clear(out, at + from * step + (long) i * Float.BYTES, step, to - from);
        }
    }

    /// Packs elements `from` to `to` along k of some rows for tiles along k.
    ///
    /// @param from a multiple of the elements in a vector of words
    void packRows(
            int group,
            int firstRow,
            int rows,
            int depth,
            int from,
            int to,
            MemorySegment out,
            long outAt) {
        int block = planes * loops.lanes();
        int main = depth - depth % block;
        long pitch = rowPitch(loops, depth);
        for (int i = 0; i < rows; i++) {
            long at = outAt + i * pitch;
            if (from < main) {
                packMain(group, firstRow + i, from, Math.min(to, main), out, at);
            }
            if (to == depth && main < depth) {
                int tail = depth - main;
                run(group, firstRow + i, main, 1, tail, out, at + (long) main * Float.BYTES);
                int padding = Math.ceilDiv(tail, loops.lanes()) * loops.lanes() - tail;
                Elements.clear(out, at + (long) depth * Float.BYTES, Float.BYTES, padding);
            }
        }
    }

    private void packMain(int group, int row, int from, int to, MemorySegment out, long at) {
        if (planes == 1) {
            run(group, row, from, 1, to - from, out, at + (long) from * Float.BYTES);
            return;
        }
        int lanes = loops.lanes();
        for (int block = from; block < to; block += planes * lanes) {
            for (int p = 0; p < planes; p++) {
                run(
                        group,
                        row,
                        block + p,
                        planes,
                        lanes,
                        out,
                        at + (long) (block + p * lanes) * Float.BYTES);
            }
        }
    }

    /// Copies `count` elements of a row, every `every`-th from `from` on.
    private void run(
            int group, int row, int from, int every, int count, MemorySegment out, long outAt) {
        DType type = left.dtype();
        long step = transposed ? left.rowBytes() * every : (long) type.bits() / 8 * every;
        long at = transposed ? left.at(group, from, row) : left.at(group, source(row), from);
        Elements.widen(type, left.segment(group), at, step, count, out, outAt, Float.BYTES);
    }
}

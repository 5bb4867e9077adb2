package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;

import java.lang.foreign.MemorySegment;

/// Packing of F32 results of one product as left-hand rows of the next one, in the order that
/// [LeftPacker] gives them.
final class ResultPacker {
    private final MatrixLoops loops;
    private final int planes;

    /// @param planes planes of the next product's weight, if it is read along k
    ResultPacker(MatrixLoops loops, int planes) {
        this.loops = loops;
        this.planes = planes;
    }

    /// Packs a block of columns of some rows for tiles over panels.
    ///
    /// @param values `[rows][pitch]`
    /// @param depth columns that all blocks have together
    void packTiles(
            float[] values,
            int pitch,
            int rows,
            int column,
            int columns,
            int depth,
            MemorySegment out,
            long outAt) {
        int row = 0;
        long at = outAt;
        while (row < rows) {
            int tile = loops.panelTile(rows - row);
            int real = Math.min(tile, rows - row);
            long step = (long) tile * Float.BYTES;
            for (int i = 0; i < real; i++) {
                long to = at + column * step + (long) i * Float.BYTES;
                int from = (row + i) * pitch;
                for (int c = 0; c < columns; c++) {
                    out.set(Elements.FLOAT, to + c * step, values[from + c]);
                }
            }
            for (int i = real; i < tile; i++) {
                Elements.clear(out, at + column * step + (long) i * Float.BYTES, step, columns);
            }
            if (column + columns == depth && (depth & 1) != 0) {
                Elements.clear(out, at + depth * step, Float.BYTES, tile);
            }
            at += tile * LeftPacker.paddedDepth(depth) * Float.BYTES;
            row += tile;
        }
    }

    /// As [#packTiles], for tiles along k.
    void packRows(
            float[] values,
            int pitch,
            int rows,
            int column,
            int columns,
            int depth,
            MemorySegment out,
            long outAt) {
        int block = planes * loops.lanes();
        int main = depth - depth % block;
        long rowPitch = LeftPacker.rowPitch(loops, depth);
        for (int i = 0; i < rows; i++) {
            long at = outAt + i * rowPitch;
            for (int c = 0; c < columns; c++) {
                long place = place(column + c, block, main);
                out.set(Elements.FLOAT, at + place * Float.BYTES, values[i * pitch + c]);
            }
            if (column + columns == depth && main < depth) {
                int tail = depth - main;
                int padding = Math.ceilDiv(tail, loops.lanes()) * loops.lanes() - tail;
                Elements.clear(out, at + (long) depth * Float.BYTES, Float.BYTES, padding);
            }
        }
    }

    private int place(int k, int block, int main) {
        if (k >= main) {
            return k;
        }
        int inside = k % block;
        return k - inside + inside % planes * loops.lanes() + inside / planes;
    }
}

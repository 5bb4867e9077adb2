package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;

import java.lang.foreign.MemorySegment;

/// Packing of a row-major right-hand side into F32 panels while the product runs.
final class PanelPacker {
    /// Rows read side by side before the next panel: few enough pages for the first translation
    /// buffer.
    private static final int ROWS_AT_ONCE = 32;

    private final MatrixLoops loops;
    private final Weights weights;
    private final boolean transposed;
    private final boolean plain;
    private final int planes;

    PanelPacker(MatrixLoops loops, Weights weights, boolean transposed) {
        this.loops = loops;
        this.weights = weights;
        this.transposed = transposed;
        WeightFormat format = weights.format();
        this.planes = Weights.planes(format);
        this.plain =
                format.scheme().isEmpty()
                        && (!transposed || Weights.isDirect(format) || planes == 1);
    }

    /// Packs `depth` steps along k, from `from` on, of the panels that cover some columns of the
    /// result.
    ///
    /// @param scratch holds the panels from `panelsAt` on, `panelPitch` bytes from one to the next;
    ///   and room for `depth` scales and `depth` floats at the other two places
    void pack(
            int group,
            int column,
            int count,
            int from,
            int depth,
            MemorySegment scratch,
            long panelsAt,
            long panelPitch,
            long scalesAt,
            long rowAt) {
        int panelColumns = loops.panelColumns();
        long step = (long) panelColumns * Float.BYTES;
        if (plain) {
            packPlain(group, column, count, from, depth, scratch, panelsAt, panelPitch);
        } else {
            for (int j = 0; j < count; j += panelColumns) {
                int width = Math.min(panelColumns, count - j);
                long panelAt = panelsAt + j / panelColumns * panelPitch;
                if (transposed) {
                    for (int i = 0; i < width; i++) {
                        long at = panelAt + (long) i * Float.BYTES;
                        packRow(
                                group,
                                column + j + i,
                                from,
                                depth,
                                scratch,
                                at,
                                step,
                                scalesAt,
                                rowAt);
                    }
                } else {
                    for (int k = 0; k < depth; k++) {
                        weights.decodeRun(
                                group,
                                from + k,
                                column + j,
                                width,
                                scratch,
                                panelAt + k * step,
                                Float.BYTES);
                    }
                }
            }
        }
        int last = count % panelColumns;
        if (last > 0) {
            // Nobody looks at the results of these columns, but what lies there may be subnormal,
            // and that is slow.
            long panelAt = panelsAt + count / panelColumns * panelPitch;
            for (int i = last; i < panelColumns; i++) {
                Elements.clear(scratch, panelAt + (long) i * Float.BYTES, step, depth);
            }
        }
    }

    private void packPlain(
            int group,
            int column,
            int count,
            int from,
            int depth,
            MemorySegment scratch,
            long panelsAt,
            long panelPitch) {
        DType type = weights.format().dtype();
        int panelColumns = loops.panelColumns();
        MemorySegment rows = weights.segment(group);
        long rowBytes = weights.rowBytes();
        int stretch = transposed ? depth : ROWS_AT_ONCE;
        for (int k = 0; k < depth; k += stretch) {
            int steps = Math.min(stretch, depth - k);
            for (int j = 0; j < count; j += panelColumns) {
                int width = Math.min(panelColumns, count - j);
                long to =
                        panelsAt
                                + j / panelColumns * panelPitch
                                + (long) k * panelColumns * Float.BYTES;
                if (transposed) {
                    long at = weights.at(group, column + j, from + k);
                    loops.packRows(
                            type, rows, at, rowBytes, width, steps, scratch, to, panelColumns);
                } else {
                    long at = weights.at(group, from + k, column + j);
                    loops.packColumns(
                            type, rows, at, rowBytes, width, steps, scratch, to, panelColumns);
                }
            }
        }
    }

    private void packRow(
            int group,
            int row,
            int from,
            int depth,
            MemorySegment scratch,
            long at,
            long step,
            long scalesAt,
            long rowAt) {
        int lanes = loops.lanes();
        int block = planes * lanes;
        int main = planes == 1 ? 0 : depth - depth % block;
        if (main > 0) {
            weights.decodeBlock(loops, group, row, from, main, scratch, scalesAt, rowAt);
            long source = rowAt;
            for (int start = 0; start < main; start += block) {
                for (int p = 0; p < planes; p++) {
                    for (int lane = 0; lane < lanes; lane++) {
                        int k = start + lane * planes + p;
                        scratch.set(
                                Elements.FLOAT, at + k * step, scratch.get(Elements.FLOAT, source));
                        source += Float.BYTES;
                    }
                }
            }
        }
        weights.decodeRun(group, row, from + main, depth - main, scratch, at + main * step, step);
    }
}

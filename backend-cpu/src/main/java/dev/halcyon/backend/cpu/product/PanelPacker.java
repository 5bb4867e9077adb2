package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Packing of a row-major right-hand side into F32 panels while the product runs.
final class PanelPacker {
    /// Rows read side by side before the next panel: few enough pages for the first translation
    /// buffer.
    private static final int ROWS_AT_ONCE = 32;

    private static final long PANEL_BYTES_A_COLUMN = (long) ProductPlan.PANEL_DEPTH * Float.BYTES;

    private final MatrixLoops loops;
    private final Weights weights;
    private final boolean transposed;

    PanelPacker(MatrixLoops loops, Weights weights, boolean transposed) {
        this.loops = loops;
        this.weights = weights;
        this.transposed = transposed;
    }

    /// Packs `depth` steps along k, from `from` on, of the panels that cover some columns of the
    /// result.
    ///
    /// @param scratch holds the panels from `panelsAt` on, each with room for
    ///   [ProductPlan#PANEL_DEPTH] steps; and room for `depth` scales and `depth` floats at the
    ///   other two places
    void pack(
            int group,
            int column,
            int count,
            int from,
            int depth,
            MemorySegment scratch,
            long panelsAt,
            long scalesAt,
            long rowAt) {
        int panelColumns = loops.panelColumns();
        long step = (long) panelColumns * Float.BYTES;
        if (!transposed && weights.format().scheme().isEmpty()) {
            widenPanels(group, column, count, from, depth, scratch, panelsAt);
        } else {
            for (int j = 0; j < count; j += panelColumns) {
                int width = Math.min(panelColumns, count - j);
                long panelAt = panelsAt + j * PANEL_BYTES_A_COLUMN;
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
            long panelAt = panelsAt + (count - last) * PANEL_BYTES_A_COLUMN;
            for (int i = last; i < panelColumns; i++) {
                Elements.clear(scratch, panelAt + (long) i * Float.BYTES, step, depth);
            }
        }
    }

    private void widenPanels(
            int group,
            int column,
            int count,
            int from,
            int depth,
            MemorySegment scratch,
            long panelsAt) {
        DType type = weights.format().dtype();
        int panelColumns = loops.panelColumns();
        MemorySegment rows = weights.segment(group);
        for (int k = 0; k < depth; k += ROWS_AT_ONCE) {
            int steps = Math.min(ROWS_AT_ONCE, depth - k);
            for (int j = 0; j < count; j += panelColumns) {
                int width = Math.min(panelColumns, count - j);
                long at = weights.at(group, from + k, column + j);
                long to =
                        panelsAt + j * PANEL_BYTES_A_COLUMN + (long) k * panelColumns * Float.BYTES;
                if (width == panelColumns) {
                    loops.widenPanel(type, rows, at, weights.rowBytes(), steps, scratch, to);
                } else {
                    for (int i = 0; i < steps; i++) {
                        long row = at + i * weights.rowBytes();
                        loops.widen(
                                type,
                                rows,
                                row,
                                width,
                                scratch,
                                to + (long) i * panelColumns * Float.BYTES);
                    }
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
        int planes = Weights.isDirect(weights.format()) ? 1 : Weights.planes(weights.format());
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

package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import java.lang.foreign.MemorySegment;

/// Packing of a row-major right-hand side into F32 panels while the product runs.
final class PanelPacker {
    private final MatrixLoops loops;
    private final Weights weights;
    private final boolean transposed;
    private final int columns;

    PanelPacker(MatrixLoops loops, Weights weights, boolean transposed, int columns) {
        this.loops = loops;
        this.weights = weights;
        this.transposed = transposed;
        this.columns = columns;
    }

    /// Packs `depth` steps along k, from `from` on, of the panel that begins at a column.
    ///
    /// @param scratch holds the panel at `panelAt`, and room for `depth` scales and `depth` floats at the other two places
    void pack(
            int group, int column, int from, int depth, MemorySegment scratch, long panelAt, long scalesAt, long rowAt) {
        int width = Math.min(loops.panelColumns(), columns - column);
        long step = (long) loops.panelColumns() * Float.BYTES;
        if (transposed) {
            for (int j = 0; j < width; j++) {
                packRow(group, column + j, from, depth, scratch, panelAt + (long) j * Float.BYTES, step, scalesAt, rowAt);
            }
        } else {
            packColumns(group, column, from, depth, width, scratch, panelAt, step);
        }
        for (int j = width; j < loops.panelColumns(); j++) {
            Elements.clear(scratch, panelAt + (long) j * Float.BYTES, step, depth);
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
                        scratch.set(Elements.FLOAT, at + k * step, scratch.get(Elements.FLOAT, source));
                        source += Float.BYTES;
                    }
                }
            }
        }
        weights.decodeRun(group, row, from + main, depth - main, scratch, at + main * step, step);
    }

    private void packColumns(
            int group, int column, int from, int depth, int width, MemorySegment scratch, long at, long step) {
        if (weights.format().scheme().isPresent()) {
            for (int k = 0; k < depth; k++) {
                weights.decodeRun(group, from + k, column, width, scratch, at + k * step, Float.BYTES);
            }
            return;
        }
        for (int k = 0; k < depth; k++) {
            loops.widen(
                    weights.format().dtype(),
                    weights.segment(group),
                    weights.at(group, from + k, column),
                    width,
                    scratch,
                    at + k * step);
        }
    }
}

package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The sums of one task with tiles over panels: packed rows of one group times a block of columns,
/// left as F32 in the thread's sums.
///
/// Panels come from one of four places: the weight itself, if it is stored in F32 panels or few
/// rows read its BF16 panels; BF16 panels widened a stretch at a time, if many rows read them; the
/// workspace, where all units share what [#share] packed; or a row-major weight packed a stretch at
/// a time.
final class PanelsProduct {
    /// Rows from which widening a BF16 panel costs less than widening it in every tile.
    private static final int WIDENING_ROWS = 24;

    private final MatrixLoops loops;
    private final Weights right;
    private final PanelPacker packer;
    private final boolean packed;
    private final boolean pairs;
    private final boolean symmetric;
    private final int taskColumns;
    private final int sharedColumns;
    private final MemorySegment scratch;
    private final long sharedAt;
    private final long areasAt;
    private final ProductPlan.Area area;

    PanelsProduct(ProductPlan plan, Weights right, MemorySegment scratch) {
        this.loops = plan.loops();
        this.right = right;
        this.packer = new PanelPacker(loops, right, plan.shape().rightTransposed());
        this.packed = plan.form() == ProductForm.PANEL;
        this.pairs = packed && plan.right().dtype() == DType.BF16;
        this.symmetric = plan.shape().symmetric();
        this.taskColumns = plan.taskColumns();
        this.sharedColumns = plan.sharedColumns();
        this.scratch = scratch;
        this.sharedAt = plan.leftBytes();
        this.areasAt = plan.areasAt();
        this.area = plan.area();
    }

    /// Packs a stretch of one task's panels where all units find them.
    void share(int column, int columns, int depth, int from, int to, int worker) {
        long base = areasAt + worker * area.bytes();
        int panelColumns = loops.panelColumns();
        // Scales and decoded rows have room for a stretch of the tiles along k.
        for (int k = from; k < to; k += ProductPlan.ROWS_DEPTH) {
            packer.pack(
                    0,
                    column,
                    columns,
                    k,
                    Math.min(ProductPlan.ROWS_DEPTH, to - k),
                    scratch,
                    sharedPanelAt(column, depth) + (long) k * panelColumns * Float.BYTES,
                    panelBytes(depth),
                    base + area.scales(),
                    base + area.decoded());
        }
    }

    private long sharedPanelAt(int column, int depth) {
        return sharedAt + column % sharedColumns / loops.panelColumns() * panelBytes(depth);
    }

    private long panelBytes(int depth) {
        return (long) depth * loops.panelColumns() * Float.BYTES;
    }

    /// Computes one task; of a symmetric result only tiles that reach the diagonal.
    ///
    /// @param firstRow the first row in the result
    void compute(
            int group,
            int firstRow,
            int rows,
            int depth,
            long leftAt,
            int column,
            int columns,
            int worker,
            TaskSums sums) {
        float[] results = sums.results();
        long base = areasAt + worker * area.bytes();
        int panelColumns = loops.panelColumns();
        int padded = (int) LeftPacker.paddedRows(loops, rows);
        Arrays.fill(results, 0, padded * taskColumns, 0);
        boolean widened = pairs && rows >= WIDENING_ROWS;
        boolean inPairs = pairs && !widened;
        boolean shared = sharedColumns > 0;
        boolean once = packed && !widened && rows <= loops.panelTile(rows);
        int chunk = once ? Math.max(depth, 1) : ProductPlan.PANEL_DEPTH;
        int stepBytes = panelColumns * (pairs ? Short.BYTES : Float.BYTES);
        long areaPitch = (long) ProductPlan.PANEL_DEPTH * panelColumns * Float.BYTES;
        for (int k = 0; k < depth; k += chunk) {
            int steps = Math.min(chunk, depth - k);
            if (!packed && !shared) {
                packer.pack(
                        group,
                        column,
                        columns,
                        k,
                        steps,
                        scratch,
                        base + area.panels(),
                        areaPitch,
                        base + area.scales(),
                        base + area.decoded());
            }
            for (int j = 0; j < columns; j += panelColumns) {
                int reached = symmetric ? column + j + panelColumns - firstRow : rows;
                MemorySegment panels = scratch;
                long panelAt = base + area.panels() + j / panelColumns * areaPitch;
                if (shared) {
                    panelAt =
                            sharedPanelAt(column + j, depth)
                                    + (long) k * panelColumns * Float.BYTES;
                } else if (packed) {
                    long stored =
                            right.at(group, (column + j) / panelColumns) + (long) k * stepBytes;
                    if (widened) {
                        int even = (int) LeftPacker.paddedDepth(steps);
                        loops.unpair(right.segment(group), stored, even, scratch, panelAt);
                    } else {
                        panels = right.segment(group);
                        panelAt = stored;
                    }
                }
                tiles(rows, reached, depth, leftAt, panels, panelAt, inPairs, k, steps, sums, j);
            }
        }
    }

    private void tiles(
            int rows,
            int reached,
            int depth,
            long leftAt,
            MemorySegment panels,
            long panelAt,
            boolean inPairs,
            int k,
            int steps,
            TaskSums sums,
            int at) {
        float[] results = sums.results();
        int even = (int) LeftPacker.paddedDepth(steps);
        long tileAt = leftAt;
        int row = 0;
        while (row < rows && row < reached) {
            int tile = loops.panelTile(rows - row);
            long left = tileAt + (long) k * tile * Float.BYTES;
            int to = at + row * taskColumns;
            if (inPairs) {
                loops.panelBf16(
                        tile,
                        scratch,
                        left,
                        panels,
                        panelAt,
                        even,
                        sums.tile(),
                        results,
                        to,
                        taskColumns);
            } else {
                loops.panelF32(
                        tile,
                        scratch,
                        left,
                        panels,
                        panelAt,
                        steps,
                        sums.tile(),
                        results,
                        to,
                        taskColumns);
            }
            tileAt += tile * LeftPacker.paddedDepth(depth) * Float.BYTES;
            row += tile;
        }
    }
}

package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The sums of one task with tiles over panels: packed rows of one group times a block of columns,
/// left as F32 in the thread's sums.
final class PanelsProduct {
    private final MatrixLoops loops;
    private final Weights right;
    private final PanelPacker packer;
    private final boolean packed;
    private final boolean pairs;
    private final int taskColumns;
    private final MemorySegment scratch;
    private final long areasAt;
    private final ProductPlan.Area area;

    PanelsProduct(ProductPlan plan, Weights right, MemorySegment scratch) {
        this.loops = plan.loops();
        this.right = right;
        this.packer = new PanelPacker(loops, right, plan.shape().rightTransposed());
        this.packed = plan.form() == ProductForm.PANEL;
        this.pairs = packed && plan.right().dtype() == DType.BF16;
        this.taskColumns = plan.taskColumns();
        this.scratch = scratch;
        this.areasAt = plan.leftBytes();
        this.area = plan.area();
    }

    /// Computes one task.
    void compute(
            int group,
            int rows,
            int depth,
            long leftAt,
            int column,
            int columns,
            int worker,
            TaskSums sums) {
        float[] results = sums.results();
        long base = areasAt + worker * area.bytes();
        int padded = (int) LeftPacker.paddedRows(loops, rows);
        Arrays.fill(results, 0, padded * taskColumns, 0);
        int stepBytes = loops.panelColumns() * (pairs ? Short.BYTES : Float.BYTES);
        boolean once = packed && rows <= loops.panelTile(rows);
        int chunk = once ? Math.max(depth, 1) : ProductPlan.PANEL_DEPTH;
        for (int k = 0; k < depth; k += chunk) {
            int steps = Math.min(chunk, depth - k);
            if (!packed) {
                packer.pack(
                        group,
                        column,
                        columns,
                        k,
                        steps,
                        scratch,
                        base + area.panels(),
                        base + area.scales(),
                        base + area.decoded());
            }
            for (int j = 0; j < columns; j += loops.panelColumns()) {
                MemorySegment panels = packed ? right.segment(group) : scratch;
                long panelAt =
                        packed
                                ? right.at(group, (column + j) / loops.panelColumns())
                                        + (long) k * stepBytes
                                : base
                                        + area.panels()
                                        + (long) j * ProductPlan.PANEL_DEPTH * Float.BYTES;
                tiles(rows, depth, leftAt, panels, panelAt, k, steps, results, j);
            }
        }
    }

    private void tiles(
            int rows,
            int depth,
            long leftAt,
            MemorySegment panels,
            long panelAt,
            int k,
            int steps,
            float[] results,
            int at) {
        int even = (int) LeftPacker.paddedDepth(steps);
        long tileAt = leftAt;
        int row = 0;
        while (row < rows) {
            int tile = loops.panelTile(rows - row);
            long left = tileAt + (long) k * tile * Float.BYTES;
            int to = at + row * taskColumns;
            if (pairs) {
                loops.panelBf16(
                        tile, scratch, left, panels, panelAt, even, results, to, taskColumns);
            } else {
                loops.panelF32(
                        tile, scratch, left, panels, panelAt, steps, results, to, taskColumns);
            }
            tileAt += tile * LeftPacker.paddedDepth(depth) * Float.BYTES;
            row += tile;
        }
    }
}

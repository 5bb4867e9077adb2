package dev.halcyon.backend.cpu.product;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Units whose rows are widened to F32, for the tiles in Java.
final class F32UnitProduct implements UnitProduct {
    private final ProductPlan plan;
    private final MemorySegment scratch;
    private final @Nullable LeftPacker packer;
    private final ResultPacker results;
    private final RowsProduct alongK;
    private final PanelsProduct overPanels;

    /// @param left the matrix to pack rows of, null if rows are results of another product
    /// @param rowTable as [LeftPacker] has it
    /// @param scratch as large as the plan wants its workspace
    F32UnitProduct(
            ProductPlan plan,
            @Nullable Matrices left,
            @Nullable MemorySegment rowTable,
            Weights right,
            MemorySegment scratch) {
        int planes = Weights.planes(plan.right());
        this.plan = plan;
        this.scratch = scratch;
        this.packer =
                left == null ? null : new LeftPacker(plan.loops(), left, false, planes, rowTable);
        this.results = new ResultPacker(plan.loops(), planes);
        this.alongK = new RowsProduct(plan, right, scratch);
        this.overPanels = new PanelsProduct(plan, right, scratch);
    }

    @Override
    public long unitBytes(int groupRows, int rows, int depth) {
        return plan.alongK(groupRows)
                ? rows * LeftPacker.rowPitch(plan.loops(), depth)
                : LeftPacker.tileBytes(plan.loops(), rows, depth);
    }

    @Override
    public void pack(int groupRows, int firstRow, int rows, int depth, int from, int to, long at) {
        if (packer == null) {
            throw new IllegalStateException("the rows of this product are results of another");
        }
        if (plan.alongK(groupRows)) {
            packer.packRows(0, firstRow, rows, depth, from, to, scratch, at);
        } else {
            packer.packTiles(0, firstRow, rows, depth, from, to, scratch, at);
        }
    }

    @Override
    public void packResults(
            int groupRows,
            float[] values,
            int pitch,
            int rows,
            int column,
            int columns,
            int depth,
            long at) {
        if (plan.alongK(groupRows)) {
            results.packRows(values, pitch, rows, column, columns, depth, scratch, at);
        } else {
            results.packTiles(values, pitch, rows, column, columns, depth, scratch, at);
        }
    }

    @Override
    public void compute(
            int group,
            int groupRows,
            int rows,
            int depth,
            long at,
            int column,
            int columns,
            int worker,
            TaskSums sums) {
        if (plan.alongK(groupRows)) {
            alongK.compute(group, rows, depth, at, column, columns, worker, sums);
        } else {
            overPanels.compute(group, 0, rows, depth, at, column, columns, worker, sums);
        }
    }
}

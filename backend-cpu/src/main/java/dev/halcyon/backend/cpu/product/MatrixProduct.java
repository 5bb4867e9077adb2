package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// A product with its operands: set the rows and depth of each group, then [#run()]; nothing is
/// allocated then.
///
/// Rows are cut into units of one group each. For as many units as the workspace takes, all are
/// packed, and then every pair of a unit and a block of columns is one task. Neighbouring tasks
/// share the block of columns, so a weight is read from memory once.
///
/// The result may replace the left-hand side, if it is not symmetric: rows are packed before any of
/// them is stored.
///
/// One thread at a time runs it.
public final class MatrixProduct {
    /// Multiply-adds below which waking a second thread costs more than it saves.
    private static final long SMALL = 1 << 15;

    /// Steps along k that one packing task takes; a multiple of every block of words.
    private static final int PACK_DEPTH = 512;

    private final ProductPlan plan;
    private final ProductShape shape;
    private final WorkerPool pool;
    private final MatrixLoops loops;
    private final Matrices addend;
    private final Matrices out;
    private final MemorySegment scratch;
    private final LeftPacker packer;
    private final RowsProduct alongK;
    private final PanelsProduct overPanels;
    private final int blocks;
    private final int mostResults;
    private final int mostPartials;
    private final int[] rows;
    private final int[] depth;
    private final int[] unitGroup;
    private final int[] unitRow;
    private final int[] unitRows;
    private final long[] unitLeft;
    private final WorkerPool.Task packTask = this::pack;
    private final WorkerPool.Task computeTask = this::compute;
    private final WorkerPool.Task mirrorTask = this::mirror;
    private int firstUnit;
    private int unitsNow;
    private int piecesNow;

    MatrixProduct(
            ProductPlan plan,
            Matrices left,
            Weights right,
            Matrices addend,
            Matrices out,
            MemorySegment workspace) {
        this.plan = plan;
        this.shape = plan.shape();
        this.pool = plan.pool();
        this.loops = plan.loops();
        this.addend = addend;
        this.out = out;
        this.scratch = workspace;
        this.packer =
                new LeftPacker(loops, left, shape.leftTransposed(), Weights.planes(plan.right()));
        this.alongK = new RowsProduct(plan, right, workspace);
        this.overPanels = new PanelsProduct(plan, right, workspace);
        this.blocks = Math.ceilDiv(shape.columns(), plan.taskColumns());
        this.mostResults = (int) LeftPacker.paddedRows(loops, plan.unitRows()) * plan.taskColumns();
        this.mostPartials = plan.unitRows() * MatrixLoops.WEIGHT_ROWS * loops.lanes();
        this.rows = new int[shape.groups()];
        this.depth = new int[shape.groups()];
        int mostUnits = Math.ceilDiv(shape.maxRows(), plan.unitRows()) + shape.groups();
        this.unitGroup = new int[mostUnits];
        this.unitRow = new int[mostUnits];
        this.unitRows = new int[mostUnits];
        this.unitLeft = new long[mostUnits];
    }

    /// Sets the size of a group; all are empty at first.
    ///
    /// @param groupRows rows; the shape bounds them, and their sum over all groups
    /// @param groupDepth length of the sums, at most the shape's
    public void size(int group, int groupRows, int groupDepth) {
        rows[group] = groupRows;
        depth[group] = groupDepth;
    }

    /// Computes every result.
    public void run() {
        int units = cutIntoUnits();
        int first = 0;
        while (first < units) {
            int end = placeUnits(first, units);
            firstUnit = first;
            unitsNow = end - first;
            int deepest = 0;
            long work = 0;
            for (int u = first; u < end; u++) {
                deepest = Math.max(deepest, depth[unitGroup[u]]);
                work += (long) unitRows[u] * depth[unitGroup[u]] * shape.columns();
            }
            piecesNow = Math.ceilDiv(deepest, PACK_DEPTH);
            boolean small = work < SMALL;
            runAll(piecesNow * unitsNow, packTask, small);
            runAll(Math.multiplyExact(blocks, unitsNow), computeTask, small);
            first = end;
        }
        if (shape.symmetric()) {
            firstUnit = 0;
            runAll(units, mirrorTask, false);
        }
    }

    private void runAll(int tasks, WorkerPool.Task task, boolean small) {
        if (small) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
        } else {
            pool.run(tasks, task);
        }
    }

    private int cutIntoUnits() {
        int units = 0;
        for (int g = 0; g < rows.length; g++) {
            for (int row = 0; row < rows[g]; row += plan.unitRows()) {
                unitGroup[units] = g;
                unitRow[units] = row;
                unitRows[units] = Math.min(plan.unitRows(), rows[g] - row);
                units++;
            }
        }
        return units;
    }

    /// Gives units their place in the workspace until it is full.
    private int placeUnits(int first, int units) {
        long at = 0;
        int unit = first;
        while (unit < units) {
            int g = unitGroup[unit];
            long bytes =
                    plan.alongK(rows[g])
                            ? unitRows[unit] * LeftPacker.rowPitch(loops, depth[g])
                            : LeftPacker.tileBytes(loops, unitRows[unit], depth[g]);
            if (unit > first && at + bytes > plan.leftBytes()) {
                return unit;
            }
            unitLeft[unit] = at;
            at += Math.ceilDiv(bytes, 64L) * 64;
            unit++;
        }
        return unit;
    }

    private void pack(int task, int worker) {
        int unit = firstUnit + task / piecesNow;
        int g = unitGroup[unit];
        int from = task % piecesNow * PACK_DEPTH;
        int to = Math.min(from + PACK_DEPTH, depth[g]);
        if (from >= to) {
            return;
        }
        if (plan.alongK(rows[g])) {
            packer.packRows(
                    g, unitRow[unit], unitRows[unit], depth[g], from, to, scratch, unitLeft[unit]);
        } else {
            packer.packTiles(
                    g, unitRow[unit], unitRows[unit], depth[g], from, to, scratch, unitLeft[unit]);
        }
    }

    private void compute(int task, int worker) {
        int unit = firstUnit + task % unitsNow;
        int column = blockInOrder(task / unitsNow) * plan.taskColumns();
        int columns = Math.min(plan.taskColumns(), shape.columns() - column);
        if (shape.symmetric() && column + columns <= mirroredColumns(unit)) {
            return;
        }
        int g = unitGroup[unit];
        TaskSums sums = TaskSums.ofThread(mostResults, mostPartials);
        if (plan.alongK(rows[g])) {
            alongK.compute(
                    g, unitRows[unit], depth[g], unitLeft[unit], column, columns, worker, sums);
        } else {
            overPanels.compute(
                    g, unitRows[unit], depth[g], unitLeft[unit], column, columns, worker, sums);
        }
        store(unit, column, columns, sums.results());
    }

    /// Of a symmetric result the first blocks have few tasks and the last ones many; taking them in
    /// turns gives every thread its share.
    private int blockInOrder(int block) {
        if (!shape.symmetric()) {
            return block;
        }
        return (block & 1) == 0 ? block / 2 : blocks - 1 - block / 2;
    }

    private void store(int unit, int column, int columns, float[] results) {
        int g = unitGroup[unit];
        DType type = shape.out();
        for (int i = 0; i < unitRows[unit]; i++) {
            int row = unitRow[unit] + i;
            loops.store(
                    type,
                    columns,
                    shape.alpha(),
                    results,
                    i * plan.taskColumns(),
                    shape.beta(),
                    addend.segment(g),
                    addend.at(g, row, column),
                    out.segment(g),
                    out.at(g, row, column));
        }
    }

    /// {@return how many columns of a unit's rows are left to the mirror: whole blocks below the
    /// diagonal}
    private int mirroredColumns(int unit) {
        return unitRow[unit] / plan.taskColumns() * plan.taskColumns();
    }

    /// Copies everything below the diagonal, also what a block on it has computed: matrices that
    /// commute only up to rounding would otherwise give a result that depends on the size of the
    /// blocks.
    private void mirror(int unit, int worker) {
        int g = unitGroup[unit];
        MemorySegment memory = out.segment(g);
        boolean wide = shape.out() == DType.F32;
        int end = unitRow[unit] + unitRows[unit];
        for (int from = 0; from < end; from += plan.taskColumns()) {
            for (int row = Math.max(unitRow[unit], from + 1); row < end; row++) {
                int to = Math.min(row, from + plan.taskColumns());
                for (int column = from; column < to; column++) {
                    long target = out.at(g, row, column);
                    long source = out.at(g, column, row);
                    if (wide) {
                        memory.set(Elements.INT, target, memory.get(Elements.INT, source));
                    } else {
                        memory.set(Elements.SHORT, target, memory.get(Elements.SHORT, source));
                    }
                }
            }
        }
    }
}

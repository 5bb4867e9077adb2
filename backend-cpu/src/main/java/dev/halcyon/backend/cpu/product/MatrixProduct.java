package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// A product with its operands: set the rows and depth of each group, then [#run()]; nothing is
/// allocated then.
///
/// Rows are cut into units of one group each. For as many units as the workspace takes, all are
/// packed, with the panels of a right-hand side that several units share, and then every pair of a
/// unit and a block of columns is one task. Neighbouring tasks share the block of columns, so a
/// weight is read from memory once.
///
/// The result may replace the left-hand side, if it is not symmetric: rows are packed before any of
/// them is stored.
///
/// One thread at a time runs it.
public final class MatrixProduct implements BoundProduct {
    /// Multiply-adds below which waking a second thread costs more than it saves.
    private static final long SMALL = 1 << 15;

    /// Steps along k that one packing task takes; a multiple of every block of words.
    private static final int PACK_DEPTH = 512;

    /// Side of the blocks in which a symmetric result is mirrored.
    private static final int MIRROR_SIDE = 32;

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
    private int firstUnit;
    private int unitsNow;
    private int firstBlock;
    private int blocksNow;
    private int leftTasks;
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

    @Override
    public void size(int group, int groupRows, int groupDepth) {
        rows[group] = groupRows;
        depth[group] = groupDepth;
    }

    @Override
    public void run() {
        int units = cutIntoUnits();
        int shared = plan.sharedColumns() / plan.taskColumns();
        int slab = shared == 0 ? blocks : shared;
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
            for (firstBlock = 0; firstBlock < blocks; firstBlock += slab) {
                blocksNow = Math.min(slab, blocks - firstBlock);
                leftTasks = firstBlock == 0 ? piecesNow * unitsNow : 0;
                boolean kept = shared == 0 || first > 0 && slab >= blocks;
                int rightTasks = kept || deepest == 0 ? 0 : piecesNow * blocksNow;
                runAll(leftTasks + rightTasks, packTask, small);
                runAll(Math.multiplyExact(blocksNow, unitsNow), computeTask, small);
            }
            first = end;
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
        if (task >= leftTasks) {
            share(task - leftTasks, worker);
            return;
        }
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

    private void share(int task, int worker) {
        int column = (firstBlock + task / piecesNow) * plan.taskColumns();
        int columns = Math.min(plan.taskColumns(), shape.columns() - column);
        int from = task % piecesNow * PACK_DEPTH;
        int to = Math.min(from + PACK_DEPTH, depth[0]);
        if (from < to && !plan.alongK(rows[0])) {
            overPanels.share(column, columns, depth[0], from, to, worker);
        }
    }

    private void compute(int task, int worker) {
        int unit = firstUnit + task % unitsNow;
        int column = (firstBlock + blockInOrder(task / unitsNow)) * plan.taskColumns();
        int columns = Math.min(plan.taskColumns(), shape.columns() - column);
        if (shape.symmetric() && column + columns <= unitRow[unit]) {
            return;
        }
        int g = unitGroup[unit];
        TaskSums sums = TaskSums.ofThread(mostResults, mostPartials);
        if (plan.alongK(rows[g])) {
            alongK.compute(
                    g, unitRows[unit], depth[g], unitLeft[unit], column, columns, worker, sums);
        } else {
            overPanels.compute(
                    g,
                    unitRow[unit],
                    unitRows[unit],
                    depth[g],
                    unitLeft[unit],
                    column,
                    columns,
                    worker,
                    sums);
        }
        store(unit, column, columns, sums.results());
        if (shape.symmetric()) {
            mirror(unit, column, columns);
        }
    }

    /// Of a symmetric result the first blocks have few tasks and the last ones many; taking them in
    /// turns gives every thread its share.
    private int blockInOrder(int block) {
        if (!shape.symmetric()) {
            return block;
        }
        return (block & 1) == 0 ? block / 2 : blocksNow - 1 - block / 2;
    }

    /// Of a symmetric result what is below the diagonal is left to the mirror, also where a tile
    /// has computed it: matrices that commute only up to rounding would otherwise give a result
    /// that depends on the size of tiles and blocks.
    private void store(int unit, int column, int columns, float[] results) {
        int g = unitGroup[unit];
        DType type = shape.out();
        for (int i = 0; i < unitRows[unit]; i++) {
            int row = unitRow[unit] + i;
            int skipped = shape.symmetric() ? Math.clamp(row - column, 0, columns) : 0;
            if (skipped < columns) {
                loops.store(
                        type,
                        columns - skipped,
                        shape.alpha(),
                        results,
                        i * plan.taskColumns() + skipped,
                        shape.beta(),
                        addend.segment(g),
                        addend.at(g, row, column + skipped),
                        out.segment(g),
                        out.at(g, row, column + skipped));
            }
        }
    }

    /// Copies what a task has stored above the diagonal to below it.
    private void mirror(int unit, int column, int columns) {
        int end = unitRow[unit] + unitRows[unit];
        for (int from = column; from < column + columns; from += MIRROR_SIDE) {
            int width = Math.min(MIRROR_SIDE, column + columns - from);
            for (int row = unitRow[unit]; row < Math.min(end, from + width); row += MIRROR_SIDE) {
                int height = Math.min(MIRROR_SIDE, end - row);
                // Rows that end before the first column are a rectangle, the others a corner.
                int whole = Math.clamp(from - row, 0, height);
                mirrorBlock(unitGroup[unit], row, whole, from, width);
                for (int i = row + whole; i < Math.min(row + height, from + width); i++) {
                    int first = Math.max(from, i + 1);
                    mirrorBlock(unitGroup[unit], i, 1, first, from + width - first);
                }
            }
        }
    }

    private void mirrorBlock(int g, int row, int height, int column, int width) {
        MemorySegment memory = out.segment(g);
        loops.transpose(
                shape.out(),
                memory,
                out.at(g, row, column),
                out.rowBytes(),
                height,
                width,
                memory,
                out.at(g, column, row),
                out.rowBytes());
    }
}

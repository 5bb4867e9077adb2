package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Feed-forward networks with their operands, in three stages of tasks for [FeedForwardRun]: pack
/// rows, gate and up with the activation, down.
///
/// A task of the second stage computes the same columns of both projections and applies the
/// activation while they are in the first cache; it leaves the result where and as the third stage
/// reads it. So nothing passes through memory but the weights, each once, in the order they lie in:
/// neighbouring tasks share a block of a weight and then take the next one.
///
/// Set the rows of each group with [#size], then run. Rows are cut into units of one group each; as
/// many as the workspace takes are one batch. One thread at a time runs it.
public final class FeedForward {
    /// Steps along k of a packing task; a multiple of every block of words.
    private static final int PACK_DEPTH = 512;

    private final FeedForwardPlan plan;
    private final FeedForwardShape shape;
    private final RowLoops rowLoops;
    private final MatrixLoops matrixLoops;
    private final UnitProduct gate;
    private final UnitProduct up;
    private final UnitProduct down;
    private final @Nullable MemorySegment factors;
    private final Matrices out;
    private final int unitRowsLimit;
    private final int wideColumns;
    private final int wideBlocks;
    private final int narrowColumns;
    private final int narrowBlocks;
    private final int pieces;
    private final int mostResults;
    private final int mostPartials;
    private final int[] firstRow;
    private final int[] rows;
    private final int[] unitGroup;
    private final int[] unitRow;
    private final int[] unitRows;
    private final int[] firstUnit;
    private final int[] unitsOfGroup;
    private final long[] unitLeft;
    private final long[] unitHidden;
    private boolean oneSource;
    private int units;
    private int first;
    private int end;

    FeedForward(
            FeedForwardPlan plan,
            UnitProduct gate,
            UnitProduct up,
            UnitProduct down,
            @Nullable MemorySegment factors,
            Matrices out) {
        this.plan = plan;
        this.shape = plan.shape();
        this.rowLoops = plan.loops().rows();
        this.matrixLoops = plan.loops().matrix();
        this.gate = gate;
        this.up = up;
        this.down = down;
        this.factors = factors;
        this.out = out;
        this.unitRowsLimit = Math.min(plan.wide().unitRows(), plan.narrow().unitRows());
        this.wideColumns = plan.wide().taskColumns();
        this.wideBlocks = Math.ceilDiv(shape.width(), wideColumns);
        this.narrowColumns = plan.narrow().taskColumns();
        this.narrowBlocks = Math.ceilDiv(shape.hidden(), narrowColumns);
        this.pieces = Math.ceilDiv(shape.hidden(), PACK_DEPTH);
        this.mostResults = Math.max(plan.wide().mostResults(), plan.narrow().mostResults());
        this.mostPartials = Math.max(plan.wide().mostPartials(), plan.narrow().mostPartials());
        this.firstRow = new int[shape.groups()];
        this.rows = new int[shape.groups()];
        int mostUnits = Math.ceilDiv(shape.maxRows(), unitRowsLimit) + shape.groups();
        this.unitGroup = new int[mostUnits];
        this.unitRow = new int[mostUnits];
        this.unitRows = new int[mostUnits];
        this.firstUnit = new int[mostUnits];
        this.unitsOfGroup = new int[mostUnits];
        this.unitLeft = new long[mostUnits];
        this.unitHidden = new long[mostUnits];
    }

    /// Sets the rows of a group; all are empty at first.
    ///
    /// @param firstGroupRow number of its first row
    /// @param groupRows how many there are; the shape bounds them, and their sum over all groups
    public void size(int group, int firstGroupRow, int groupRows) {
        firstRow[group] = firstGroupRow;
        rows[group] = groupRows;
    }

    /// Cuts the rows into units.
    ///
    /// @param oneSourceRow whether all groups read the same one row of `x`, which is then packed
    ///   once
    public void begin(boolean oneSourceRow) {
        oneSource = oneSourceRow;
        units = 0;
        first = 0;
        end = 0;
        for (int g = 0; g < rows.length; g++) {
            for (int row = 0; row < rows[g]; row += unitRowsLimit) {
                unitGroup[units] = g;
                unitRow[units] = firstRow[g] + row;
                unitRows[units] = Math.min(unitRowsLimit, rows[g] - row);
                units++;
            }
        }
    }

    /// Gives the next units their places in the workspace until it is full.
    ///
    /// @return whether there are any
    boolean nextBatch() {
        first = end;
        long left = 0;
        long hidden = 0;
        while (end < units) {
            int g = unitGroup[end];
            long leftBytes = align(gate.unitBytes(rows[g], unitRows[end], shape.hidden()));
            long hiddenBytes = align(down.unitBytes(rows[g], unitRows[end], shape.width()));
            boolean fits =
                    left + leftBytes <= plan.wide().leftBytes()
                            && hidden + hiddenBytes <= plan.narrow().leftBytes();
            if (end > first && !fits) {
                break;
            }
            unitLeft[end] = oneSource ? 0 : left;
            unitHidden[end] = hidden;
            left += leftBytes;
            hidden += hiddenBytes;
            end++;
        }
        int unit = first;
        while (unit < end) {
            int next = unit + 1;
            while (next < end && unitGroup[next] == unitGroup[unit]) {
                next++;
            }
            for (int u = unit; u < next; u++) {
                firstUnit[u] = unit;
                unitsOfGroup[u] = next - unit;
            }
            unit = next;
        }
        return end > first;
    }

    private static long align(long bytes) {
        return Math.ceilDiv(bytes, 64L) * 64;
    }

    /// {@return multiply-adds of the current batch}
    long work() {
        long total = 0;
        for (int u = first; u < end; u++) {
            total += unitRows[u];
        }
        return total * 3 * shape.hidden() * shape.width();
    }

    /// {@return elements that the current batch packs}
    long packed() {
        long total = 0;
        for (int u = first; u < packEnd(); u++) {
            total += unitRows[u];
        }
        return total * shape.hidden();
    }

    private int packEnd() {
        return oneSource ? Math.min(first + 1, end) : end;
    }

    int packTasks() {
        return (packEnd() - first) * pieces;
    }

    void pack(int task) {
        int unit = first + task / pieces;
        int from = task % pieces * PACK_DEPTH;
        int to = Math.min(from + PACK_DEPTH, shape.hidden());
        gate.pack(
                rows[unitGroup[unit]],
                unitRow[unit],
                unitRows[unit],
                shape.hidden(),
                from,
                to,
                unitLeft[unit]);
    }

    int activateTasks() {
        return Math.multiplyExact(end - first, wideBlocks);
    }

    /// Computes a block of columns of both projections, and what the activation makes of them.
    void activate(int task, int worker) {
        int unit = unit(task, wideBlocks);
        int column = block(task, unit, wideBlocks) * wideColumns;
        int columns = Math.min(wideColumns, shape.width() - column);
        int g = unitGroup[unit];
        int count = unitRows[unit];
        TaskSums sums = TaskSums.ofThread(mostResults, mostPartials);
        float[] gated = sums.kept(mostResults);
        gate.compute(
                g, rows[g], count, shape.hidden(), unitLeft[unit], column, columns, worker, sums);
        System.arraycopy(sums.results(), 0, gated, 0, count * wideColumns);
        up.compute(
                g, rows[g], count, shape.hidden(), unitLeft[unit], column, columns, worker, sums);
        for (int i = 0; i < count; i++) {
            int at = i * wideColumns;
            float factor =
                    factors == null
                            ? 1
                            : factors.get(Elements.FLOAT, (unitRow[unit] + i) * (long) Float.BYTES);
            rowLoops.siluMultiply(
                    gated, at, sums.results(), at, shape.limit(), factor, gated, at, columns);
        }
        down.packResults(
                rows[g],
                gated,
                wideColumns,
                count,
                column,
                columns,
                shape.width(),
                unitHidden[unit]);
    }

    int projectTasks() {
        return Math.multiplyExact(end - first, narrowBlocks);
    }

    /// Computes a block of columns of the last product.
    void project(int task, int worker) {
        int unit = unit(task, narrowBlocks);
        int column = block(task, unit, narrowBlocks) * narrowColumns;
        int columns = Math.min(narrowColumns, shape.hidden() - column);
        int g = unitGroup[unit];
        TaskSums sums = TaskSums.ofThread(mostResults, mostPartials);
        down.compute(
                g,
                rows[g],
                unitRows[unit],
                shape.width(),
                unitHidden[unit],
                column,
                columns,
                worker,
                sums);
        DType type = shape.out();
        for (int i = 0; i < unitRows[unit]; i++) {
            long at = out.at(0, unitRow[unit] + (long) i, column);
            matrixLoops.store(
                    type,
                    columns,
                    1,
                    sums.results(),
                    i * narrowColumns,
                    0,
                    out.segment(0),
                    at,
                    out.segment(0),
                    at);
        }
    }

    /// Tasks are in the order of groups, in a group of blocks, in a block of units; all units of
    /// the batch have as many tasks as there are blocks.
    private int unit(int task, int blocks) {
        int some = first + task / blocks;
        int of = firstUnit[some];
        return of + (task - (of - first) * blocks) % unitsOfGroup[some];
    }

    private int block(int task, int unit, int blocks) {
        return (task - (firstUnit[unit] - first) * blocks) / unitsOfGroup[unit];
    }
}

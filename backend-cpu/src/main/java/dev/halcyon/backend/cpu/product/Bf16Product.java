package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// A product of BF16 rows with its operands, on native kernels.
///
/// Rows are cut into units of one group each. For as many units as the workspace takes, all are
/// packed, and then every pair of a unit and a block of columns is one task. Neighbouring tasks
/// share the block of columns, so a weight is read from memory once.
///
/// The result may replace the left-hand side, if it is not symmetric: rows are packed before any of
/// them is stored.
public final class Bf16Product implements BoundProduct {
    /// Multiply-adds below which waking a second thread costs more than it saves.
    private static final long SMALL = 1 << 18;

    /// Chunks that one packing task takes.
    private static final int PACK_CHUNKS = 4;

    /// Rows that one packing task takes: of a transposed side, a cache line.
    private static final int PACK_ROWS = 32;

    private static final int MIRROR_ROWS = 64;

    private final Bf16Plan plan;
    private final ProductShape shape;
    private final WorkerPool pool;
    private final Matrices out;
    private final NativeTask task;
    private final int blocks;
    private final int[] rows;
    private final int[] depth;
    private final int[] unitGroup;
    private final int[] unitRow;
    private final int[] unitRows;
    private final long[] unitLeft;
    private final long leftAddress;
    private final WorkerPool.Task packTask = this::pack;
    private final WorkerPool.Task computeTask = this::compute;
    private final WorkerPool.Task mirrorTask = this::mirror;
    private int firstUnit;
    private int unitsNow;
    private int stripsNow;
    private int piecesNow;

    Bf16Product(
            Bf16Plan plan,
            Matrices left,
            Weights right,
            Matrices addend,
            Matrices out,
            MemorySegment workspace) {
        this.plan = plan;
        this.shape = plan.shape();
        this.pool = plan.pool();
        this.out = out;
        this.leftAddress = NativeMemory.address(workspace, 0, plan.workspaceBytes());
        long areas = leftAddress + plan.leftBytes();
        this.task =
                plan.isOfCodes()
                        ? new CodesTask(plan, left, right, addend, out, areas)
                        : new Bf16Task(plan, left, right, addend, out, areas);
        this.blocks = Math.ceilDiv(shape.columns(), plan.taskPanels() * Bf16Calls.PANEL_COLUMNS);
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
        if (groupDepth > shape.maxDepth() || groupRows > shape.maxGroupRows()) {
            throw new IllegalArgumentException(
                    "group "
                            + group
                            + " has "
                            + groupRows
                            + " rows of "
                            + groupDepth
                            + ", more than the "
                            + shape.maxGroupRows()
                            + " of "
                            + shape.maxDepth()
                            + " that were planned");
        }
        rows[group] = groupRows;
        depth[group] = groupDepth;
    }

    @Override
    public void run() {
        int units = cutIntoUnits();
        int first = 0;
        while (first < units) {
            int end = placeUnits(first, units);
            firstUnit = first;
            unitsNow = end - first;
            int deepest = 0;
            int tallest = 0;
            long work = 0;
            for (int u = first; u < end; u++) {
                deepest = Math.max(deepest, depth[unitGroup[u]]);
                tallest = Math.max(tallest, unitRows[u]);
                work += (long) unitRows[u] * depth[unitGroup[u]] * shape.columns();
            }
            piecesNow = Math.ceilDiv(deepest, PACK_CHUNKS * Bf16Calls.CHUNK_DEPTH);
            stripsNow = Math.ceilDiv(tallest, PACK_ROWS);
            boolean small = work < SMALL;
            int packs = Math.multiplyExact(Math.multiplyExact(piecesNow, stripsNow), unitsNow);
            runAll(packs, packTask, small);
            runAll(Math.multiplyExact(blocks, unitsNow), computeTask, small);
            first = end;
        }
        if (shape.symmetric()) {
            for (int g = 0; g < rows.length; g++) {
                firstUnit = g;
                pool.run(Math.ceilDiv(rows[g], MIRROR_ROWS), mirrorTask);
            }
        }
    }

    private void runAll(int tasks, WorkerPool.Task work, boolean small) {
        if (small) {
            for (int i = 0; i < tasks; i++) {
                work.run(i, 0);
            }
        } else {
            pool.run(tasks, work);
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
            long bytes = Bf16Plan.packedBytes(unitRows[unit], depth[unitGroup[unit]]);
            if (unit > first && at + bytes > plan.leftBytes()) {
                return unit;
            }
            unitLeft[unit] = leftAddress + at;
            at += bytes;
            unit++;
        }
        return unit;
    }

    private void pack(int number, int worker) {
        int unit = firstUnit + number / (piecesNow * stripsNow);
        int g = unitGroup[unit];
        int strip = number / piecesNow % stripsNow;
        int row = strip * PACK_ROWS;
        int chunk = number % piecesNow * PACK_CHUNKS;
        int chunks = Math.ceilDiv(depth[g], Bf16Calls.CHUNK_DEPTH);
        if (row >= unitRows[unit] || chunk >= chunks) {
            return;
        }
        task.pack(
                g,
                unitRow[unit],
                unitRows[unit],
                depth[g],
                row,
                Math.min(row + PACK_ROWS, unitRows[unit]),
                chunk,
                Math.min(chunk + PACK_CHUNKS, chunks),
                unitLeft[unit]);
    }

    private void compute(int number, int worker) {
        int unit = firstUnit + number % unitsNow;
        int panel = blockInOrder(number / unitsNow) * plan.taskPanels();
        int g = unitGroup[unit];
        task.compute(g, unitRow[unit], unitRows[unit], depth[g], unitLeft[unit], panel, worker);
    }

    /// Of a symmetric result the first blocks have few tasks and the last ones many; taking them in
    /// turns gives every thread its share.
    private int blockInOrder(int block) {
        if (!shape.symmetric()) {
            return block;
        }
        return (block & 1) == 0 ? block / 2 : blocks - 1 - block / 2;
    }

    /// Copies everything below the diagonal, also what a panel on it has computed: matrices that
    /// commute only up to rounding would otherwise give a result that depends on the size of the
    /// blocks.
    private void mirror(int strip, int worker) {
        int g = firstUnit;
        long bytes =
                NativeMemory.extent(
                        rows[g], out.rowBytes(), rows[g] * (long) shape.out().bits() / 8);
        Bf16Calls.mirror(
                shape.out() == DType.F32,
                NativeMemory.address(out.segment(g), out.at(g, 0, 0), bytes),
                out.rowBytes(),
                (long) strip * MIRROR_ROWS,
                Math.min((strip + 1L) * MIRROR_ROWS, rows[g]));
    }
}

package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Units of BF16 rows on the native kernels, packed as [Bf16Calls] wants them: `[chunk][block of 16
/// rows][step][row][32]`.
final class Bf16UnitProduct implements UnitProduct {
    private static final int CHUNK_DEPTH = Bf16Calls.CHUNK_DEPTH;
    private static final int STEP_DEPTH = Bf16Calls.STEP_DEPTH;
    private static final int CHUNK_STEPS = CHUNK_DEPTH / STEP_DEPTH;
    private static final int BLOCK_ROWS = Bf16Calls.BLOCK_ROWS;
    private static final int PANEL_COLUMNS = Bf16Calls.PANEL_COLUMNS;
    private static final long STEP_BYTES = Bf16Plan.STEP_BYTES;
    private static final long PAIR_BYTES = 4L * PANEL_COLUMNS;

    /// Depth of a call for a block of rows, whose chunks are one stream.
    private static final int STREAM_DEPTH = 16 * CHUNK_DEPTH;

    private final Bf16UnitPlan plan;
    private final MatrixLoops loops;
    private final @Nullable Matrices left;
    private final @Nullable MemorySegment rowTable;
    private final Weights right;
    private final MemorySegment scratch;
    private final long address;
    private final boolean onTiles;
    private final boolean packed;
    private final long sumsPitch;

    Bf16UnitProduct(
            Bf16UnitPlan plan,
            MatrixLoops loops,
            @Nullable Matrices left,
            @Nullable MemorySegment rowTable,
            Weights right,
            MemorySegment scratch) {
        this.plan = plan;
        this.loops = loops;
        this.left = left;
        this.rowTable = rowTable;
        this.right = right;
        this.scratch = scratch;
        this.address = NativeMemory.address(scratch, 0, plan.workspaceBytes());
        this.onTiles = plan.level().includes(NativeLevel.AMX);
        this.packed = !plan.shape().right().isRowMajor();
        this.sumsPitch = (long) plan.taskColumns() * Float.BYTES;
    }

    @Override
    public long unitBytes(int groupRows, int rows, int depth) {
        return Bf16Plan.packedBytes(rows, depth);
    }

    /// {@return where a step of a row lies in a unit}
    private static long stepAt(int unitRows, int row, int step, int steps) {
        int chunk = step / CHUNK_STEPS;
        int chunkSteps = Math.min(CHUNK_STEPS, steps - chunk * CHUNK_STEPS);
        int inBlock = row % BLOCK_ROWS;
        int block = row - inBlock;
        int blockRows = Math.min(BLOCK_ROWS, unitRows - block);
        long before =
                (long) chunk * CHUNK_STEPS * unitRows
                        + (long) block * chunkSteps
                        + (long) (step % CHUNK_STEPS) * blockRows
                        + inBlock;
        return before * STEP_BYTES;
    }

    @Override
    public void pack(int groupRows, int firstRow, int rows, int depth, int from, int to, long at) {
        Matrices source = left;
        if (source == null) {
            throw new IllegalStateException("the rows of this product are results of another");
        }
        int steps = Math.ceilDiv(depth, STEP_DEPTH);
        MemorySegment memory = source.segment(0);
        for (int i = 0; i < rows; i++) {
            long row =
                    rowTable == null
                            ? firstRow + i
                            : rowTable.get(Elements.INT, (firstRow + i) * (long) Integer.BYTES);
            for (int k = from; k < to; k += STEP_DEPTH) {
                long place = at + stepAt(rows, i, k / STEP_DEPTH, steps);
                long bytes = Math.min(STEP_DEPTH, to - k) * (long) Short.BYTES;
                MemorySegment.copy(memory, source.at(0, row, k), scratch, place, bytes);
                if (bytes < STEP_BYTES) {
                    scratch.asSlice(place + bytes, STEP_BYTES - bytes).fill((byte) 0);
                }
            }
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
        int steps = Math.ceilDiv(depth, STEP_DEPTH);
        for (int i = 0; i < rows; i++) {
            for (int c = 0; c < columns; c += STEP_DEPTH) {
                long place = at + stepAt(rows, i, (column + c) / STEP_DEPTH, steps);
                int count = Math.min(STEP_DEPTH, columns - c);
                loops.store(
                        DType.BF16,
                        count,
                        1,
                        values,
                        i * pitch + c,
                        0,
                        scratch,
                        place,
                        scratch,
                        place);
                if (count < STEP_DEPTH) {
                    long end = place + count * (long) Short.BYTES;
                    scratch.asSlice(end, STEP_BYTES - count * (long) Short.BYTES).fill((byte) 0);
                }
            }
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
        long area = plan.leftBytes() + worker * plan.areaBytes();
        for (int j = 0; j < columns; j += PANEL_COLUMNS) {
            long to = address + area + (long) j * Float.BYTES;
            if (packed) {
                overStored(group, rows, depth, address + at, column + j, to);
            } else {
                int width = Math.min(PANEL_COLUMNS, columns - j);
                long packs = address + area + plan.unitRows() * sumsPitch;
                overPacked(group, rows, depth, address + at, column + j, width, packs, to);
            }
        }
        MemorySegment.copy(
                scratch,
                ValueLayout.JAVA_FLOAT,
                area,
                sums.results(),
                0,
                rows * plan.taskColumns());
    }

    private void overStored(int group, int rows, int depth, long leftAt, int column, long to) {
        long panelBytes = right.rowBytes();
        if (pairs(depth) * PAIR_BYTES > panelBytes) {
            throw new IllegalStateException("a sum is longer than the panels are deep");
        }
        long panel =
                NativeMemory.address(
                        right.segment(group), right.at(group, column / PANEL_COLUMNS), panelBytes);
        int run = rows <= BLOCK_ROWS ? STREAM_DEPTH : CHUNK_DEPTH;
        for (int k = 0; k < depth; k += run) {
            int steps = Math.min(run, depth - k);
            long from = panel + pairs(k) * PAIR_BYTES;
            multiply(leftAt + Bf16Plan.packedBytes(rows, k), rows, from, steps, to, k == 0, true);
        }
    }

    private void overPacked(
            int group,
            int rows,
            int depth,
            long leftAt,
            int column,
            int columns,
            long packs,
            long to) {
        long pitch = right.rowBytes();
        for (int k = 0; k < depth; k += CHUNK_DEPTH) {
            int steps = Math.min(CHUNK_DEPTH, depth - k);
            long bytes = NativeMemory.extent(columns, pitch, steps * (long) Short.BYTES);
            long from =
                    NativeMemory.address(right.segment(group), right.at(group, column, k), bytes);
            Bf16Calls.packRows(from, pitch, columns, steps, packs, Bf16Plan.PANEL_CHUNK_BYTES);
            multiply(leftAt + Bf16Plan.packedBytes(rows, k), rows, packs, steps, to, k == 0, false);
        }
    }

    private void multiply(
            long leftAt, int rows, long panel, int steps, long to, boolean first, boolean streams) {
        if (onTiles) {
            long bytes = streams ? pairs(steps) * PAIR_BYTES : 0;
            Bf16Calls.tiles(
                    leftAt,
                    rows,
                    panel,
                    pairs(steps),
                    to,
                    sumsPitch,
                    first,
                    panel + bytes,
                    bytes,
                    0,
                    0);
        } else {
            Bf16Calls.vectors(leftAt, rows, panel, pairs(steps), to, sumsPitch, first);
        }
    }

    private static long pairs(int depth) {
        return (depth + 1) / 2;
    }
}

package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;
import dev.halcyon.backend.cpu.nativecode.CodesCalls;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Units of BF16 rows on the native kernels over a [CodedWeight], packed as [CodesCalls] wants
/// them: `[block of 16 rows][step][row][32]` for vectors, for tiles with the rows of a step turned.
///
/// Rows come one by one, from anywhere; so they are laid down as for vectors, and for tiles each
/// step of a block is then turned where it lies.
final class CodesUnitProduct implements UnitProduct {
    private static final int STEP_DEPTH = Bf16Calls.STEP_DEPTH;
    private static final int BLOCK_ROWS = Bf16Calls.BLOCK_ROWS;
    private static final long STEP_BYTES = Bf16Plan.STEP_BYTES;

    private final CodesUnitPlan plan;
    private final MatrixLoops loops;
    private final @Nullable Matrices left;
    private final @Nullable MemorySegment rowTable;
    private final CodedWeight right;
    private final MemorySegment scratch;
    private final long address;
    private final boolean onTiles;

    CodesUnitProduct(
            CodesUnitPlan plan,
            MatrixLoops loops,
            @Nullable Matrices left,
            @Nullable MemorySegment rowTable,
            Weights right,
            MemorySegment scratch) {
        this.plan = plan;
        this.loops = loops;
        this.left = left;
        this.rowTable = rowTable;
        this.onTiles = plan.level().includes(NativeLevel.AMX);
        this.right = new CodedWeight(plan.shape(), right, onTiles);
        this.scratch = scratch;
        this.address = NativeMemory.address(scratch, 0, plan.workspaceBytes());
    }

    @Override
    public long unitBytes(int groupRows, int rows, int depth) {
        return Bf16Plan.packedBytes(rows, depth);
    }

    /// {@return where a step of a block begins in a unit}
    private static long stepAt(int block, int blockRows, int step, int steps) {
        return ((long) block * steps + (long) step * blockRows) * STEP_BYTES;
    }

    @Override
    public void pack(int groupRows, int firstRow, int rows, int depth, int from, int to, long at) {
        Matrices source = left;
        if (source == null) {
            throw new IllegalStateException("the rows of this product are results of another");
        }
        int steps = Math.ceilDiv(depth, STEP_DEPTH);
        MemorySegment memory = source.segment(0);
        for (int block = 0; block < rows; block += BLOCK_ROWS) {
            int blockRows = Math.min(BLOCK_ROWS, rows - block);
            for (int i = 0; i < blockRows; i++) {
                int number = firstRow + block + i;
                long row =
                        rowTable == null
                                ? number
                                : rowTable.get(Elements.INT, number * (long) Integer.BYTES);
                for (int k = from; k < to; k += STEP_DEPTH) {
                    long step = at + stepAt(block, blockRows, k / STEP_DEPTH, steps);
                    long place = step + i * STEP_BYTES;
                    int count = Math.min(STEP_DEPTH, to - k);
                    long bytes = count * (long) Short.BYTES;
                    MemorySegment.copy(memory, source.at(0, row, k), scratch, place, bytes);
                    clearBehind(place, count);
                }
            }
            turn(block, blockRows, from, to, steps, at);
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
        for (int block = 0; block < rows; block += BLOCK_ROWS) {
            int blockRows = Math.min(BLOCK_ROWS, rows - block);
            for (int i = 0; i < blockRows; i++) {
                for (int c = 0; c < columns; c += STEP_DEPTH) {
                    long step = at + stepAt(block, blockRows, (column + c) / STEP_DEPTH, steps);
                    long place = step + i * STEP_BYTES;
                    int count = Math.min(STEP_DEPTH, columns - c);
                    loops.store(
                            DType.BF16,
                            count,
                            1,
                            values,
                            (block + i) * pitch + c,
                            0,
                            scratch,
                            place,
                            scratch,
                            place);
                    clearBehind(place, count);
                }
            }
            turn(block, blockRows, column, column + columns, steps, at);
        }
    }

    private void clearBehind(long place, int count) {
        if (count < STEP_DEPTH) {
            long bytes = count * (long) Short.BYTES;
            scratch.asSlice(place + bytes, STEP_BYTES - bytes).fill((byte) 0);
        }
    }

    /// Turns steps of a block where they lie, if they are for tiles. A step is read whole before it
    /// is written.
    private void turn(int block, int blockRows, int from, int to, int steps, long at) {
        if (!onTiles || blockRows == 1) {
            return;
        }
        for (int k = from; k < to; k += STEP_DEPTH) {
            long step = address + at + stepAt(block, blockRows, k / STEP_DEPTH, steps);
            CodesCalls.pack(true, step, STEP_BYTES, STEP_DEPTH, 0, blockRows, 0, 1, step);
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
        long results = address + area;
        long turned = results + plan.unitRows() * Bf16Plan.SUM_BYTES;
        right.multiply(group, depth, column, columns, address + at, rows, turned, results);
        MemorySegment.copy(
                scratch, ValueLayout.JAVA_FLOAT, area, sums.results(), 0, rows * CodedWeight.ROWS);
    }
}

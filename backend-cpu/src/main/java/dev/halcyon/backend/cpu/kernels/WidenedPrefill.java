package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.Meanwhile;
import dev.halcyon.backend.cpu.loops.RowLoops;

import java.lang.foreign.MemorySegment;

/// Prefill in F32, for operands of any type.
final class WidenedPrefill implements PrefillForm {
    /// Queries a tile: more would compute more hidden pairs along the diagonal, fewer would widen
    /// keys more often.
    static final int MAX_LANES = 128;

    /// Blocks in a run, a constant so that it does not depend on which keys a tile sees.
    private static final int RUN_BLOCKS = 32;

    private final OnlineSoftmax softmax;
    private final RowLoops rows;
    private final PrefillOperands operands;
    private final MemorySegment memory;

    WidenedPrefill(
            OnlineSoftmax softmax,
            CpuContext context,
            PrefillOperands operands,
            MemorySegment memory) {
        this.softmax = softmax;
        this.rows = context.rows();
        this.operands = operands;
        this.memory = memory;
    }

    /// {@return bytes a worker has}
    static long areaStride(OnlineSoftmax softmax) {
        return softmax.areaBytes() + 2 * softmax.sums().bytes();
    }

    @Override
    public LaneSums sums() {
        return softmax.sums();
    }

    private long area(int worker) {
        return worker * areaStride(softmax);
    }

    @Override
    public long result(int worker) {
        return area(worker) + softmax.areaBytes();
    }

    @Override
    public void pack(long firstRow, int head, int count, int worker) {
        long area = area(worker);
        for (int lane = 0; lane < count; lane++) {
            softmax.loadKey(
                    operands.query,
                    firstRow + lane,
                    head * operands.queryHead,
                    operands.nopeDim + operands.ropeDim,
                    memory,
                    area,
                    0,
                    lane,
                    0);
        }
        softmax.packQueries(memory, area, 0, count);
        softmax.packNothing(memory, area, count);
    }

    @Override
    public void accumulate(
            long firstRow, int head, int count, int firstVisible, int keys, int worker) {
        long area = area(worker);
        long result = result(worker);
        boolean causal = operands.causal;
        int last = Math.min(keys, causal ? firstVisible + count - 1 : keys);
        int end = softmax.panels(count);
        boolean folds = Math.ceilDiv(Math.max(0, last), AttentionLoops.BLOCK_KEYS) > RUN_BLOCKS;
        long running = folds ? result + sums().bytes() : result;
        sums().clear(memory, result);
        sums().clear(memory, running);
        int inRun = 0;
        for (int from = 0; from < last; from += AttentionLoops.BLOCK_KEYS) {
            if (inRun == RUN_BLOCKS) {
                softmax.fold(memory, running, result);
                sums().clear(memory, running);
                inRun = 0;
            }
            int n = Math.min(AttentionLoops.BLOCK_KEYS, last - from);
            load(firstRow + from, head, n, area);
            int firstLane = causal ? Math.max(0, from + 1 - firstVisible) : 0;
            int first = softmax.panelOf(firstLane);
            softmax.score(memory, area, 0, n, first, end, Meanwhile.NOTHING);
            if (causal) {
                for (int lane = first * softmax.panelLanes(); lane < count; lane++) {
                    int visible = firstVisible + lane - from;
                    if (visible >= n) {
                        break;
                    }
                    softmax.hide(memory, area, lane, Math.max(0, visible), n);
                }
            }
            softmax.absorb(memory, area, 0, running, n, inRun == 0, first, end, Meanwhile.NOTHING);
            inRun++;
        }
        if (folds) {
            softmax.fold(memory, running, result);
        }
    }

    private void load(long firstRow, int head, int count, long area) {
        for (int i = 0; i < count; i++) {
            long row = firstRow + i;
            softmax.loadKey(
                    operands.key,
                    row,
                    head * operands.keyHead,
                    operands.nopeDim,
                    memory,
                    area,
                    0,
                    i,
                    0);
            if (operands.ropeDim > 0) {
                softmax.loadKey(
                        operands.ropeKey,
                        row,
                        0,
                        operands.ropeDim,
                        memory,
                        area,
                        0,
                        i,
                        operands.nopeDim);
            }
            softmax.loadValue(
                    operands.value,
                    row,
                    head * operands.valueHead,
                    operands.valueDim,
                    memory,
                    area,
                    i);
        }
    }

    @Override
    public float max(int worker, int lane) {
        return sums().reference(memory, result(worker), lane);
    }

    @Override
    public void write(long row, int head, int lane, float[] factor, int worker) {
        float[] values = Scratch.get().a;
        for (int column = 0; column < operands.valueDim; column += Scratch.LENGTH) {
            int n = Math.min(Scratch.LENGTH, operands.valueDim - column);
            softmax.merge(memory, result(worker), 1, lane, factor, column, n, values);
            operands.out.store(rows, values, 0, n, row, head * operands.outHead + column);
        }
    }
}

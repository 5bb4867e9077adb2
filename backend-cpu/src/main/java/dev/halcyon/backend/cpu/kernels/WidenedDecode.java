package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.kernel.attention.MlaDecode;

import java.lang.foreign.MemorySegment;

/// Decode in F32, for caches and queries of any type.
///
/// Cache rows of a block of keys are widened once for all lanes; scores have the lanes side by
/// side, so that the softmax needs no sums across a vector and nothing is transposed but the
/// queries, once a block of lanes and worker.
final class WidenedDecode implements DecodeForm {
    /// More lanes would spill the sums out of the second-level cache; fewer would widen the cache
    /// rows too often.
    private static final int MAX_LANES = 128;

    private final OnlineSoftmax softmax;
    private final RowLoops rows;
    private final DecodeLayout layout;
    private final DecodeOperands operands;
    private final MemorySegment memory;
    private final KeyLoader[] loaders;

    private WidenedDecode(
            Geometry geometry, CpuContext context, DecodeOperands operands, MemorySegment memory) {
        this.softmax = geometry.softmax;
        this.rows = context.rows();
        this.layout = geometry.layout;
        this.operands = operands;
        this.memory = memory;
        this.loaders = new KeyLoader[context.pool().threads()];
        for (int worker = 0; worker < loaders.length; worker++) {
            loaders[worker] = new KeyLoader(softmax, operands, memory, layout.area(worker));
        }
    }

    /// What is known before the operands are.
    record Geometry(OnlineSoftmax softmax, DecodeLayout layout) {
        static Geometry of(MlaDecode spec, CpuContext context) {
            OnlineSoftmax softmax =
                    new OnlineSoftmax(
                            context,
                            DecodeLayout.blockLanes(DecodeLayout.lanes(spec), MAX_LANES),
                            spec.cache().rowDim(),
                            spec.latentDim(),
                            true,
                            spec.softmaxScale());
            return new Geometry(
                    softmax,
                    DecodeLayout.of(
                            spec,
                            context.pool().threads(),
                            MAX_LANES,
                            softmax.areaBytes(),
                            softmax.sums().bytes()));
        }

        DecodeForm over(CpuContext context, DecodeOperands operands, MemorySegment memory) {
            return new WidenedDecode(this, context, operands, memory);
        }
    }

    @Override
    public LaneSums sums() {
        return softmax.sums();
    }

    @Override
    public void pack(long sequence, int firstLane, int count, int worker) {
        long area = layout.area(worker);
        for (int lane = 0; lane < count; lane++) {
            int pair = firstLane + lane;
            softmax.loadKey(
                    operands.query,
                    operands.row(sequence, pair),
                    pair % operands.heads * operands.queryHead,
                    operands.rowDim,
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
            long sequence,
            int firstLane,
            int count,
            int length,
            long from,
            long end,
            int worker,
            long result) {
        long area = layout.area(worker);
        int panels = softmax.panels(count);
        long blocks = Math.ceilDiv(end - from, AttentionLoops.BLOCK_KEYS);
        int runBlocks = OnlineSoftmax.runBlocks(blocks);
        boolean folds = blocks > runBlocks;
        long running = folds ? layout.running(worker) : result;
        sums().clear(memory, result);
        sums().clear(memory, running);
        KeyLoader loader = loaders[worker];
        loader.turnTo(sequence, firstLane == 0);
        loader.begin(from, blockKeys(from, end), 0);
        int inRun = 0;
        for (long row = from; row < end; row += AttentionLoops.BLOCK_KEYS) {
            if (inRun == runBlocks) {
                softmax.fold(memory, running, result);
                sums().clear(memory, running);
                inRun = 0;
            }
            boolean complete = loader.finish();
            int half = loader.half();
            int keys = blockKeys(row, end);
            loader.begin(row + keys, blockKeys(row + keys, end), softmax.products(keys, panels));
            softmax.score(memory, area, half, keys, 0, panels, loader);
            if (!complete) {
                hideMissing(sequence, row, keys, area, count);
            }
            if (row + keys > operands.visible(0, length)) {
                hideLater(firstLane, count, length, row, keys, area);
            }
            softmax.absorb(memory, area, half, running, keys, inRun == 0, 0, panels, loader);
            inRun++;
        }
        if (folds) {
            softmax.fold(memory, running, result);
        }
    }

    private static int blockKeys(long row, long end) {
        return (int) Math.clamp(end - row, 0, AttentionLoops.BLOCK_KEYS);
    }

    private void hideMissing(long sequence, long firstRow, int keys, long area, int count) {
        for (int key = 0; key < keys; key++) {
            if (operands.slot(sequence, firstRow + key) < 0) {
                for (int lane = 0; lane < count; lane++) {
                    softmax.hide(memory, area, lane, key, key + 1);
                }
            }
        }
    }

    /// Hides the rows of tokens behind a lane's own.
    private void hideLater(int firstLane, int count, int length, long row, int keys, long area) {
        for (int lane = 0; lane < count; lane++) {
            long visible = operands.visible(firstLane + lane, length) - row;
            if (visible < keys) {
                softmax.hide(memory, area, lane, (int) Math.max(0, visible), keys);
            }
        }
    }

    @Override
    public float max(int worker, long result, int lane) {
        return sums().reference(memory, result, lane);
    }

    @Override
    public void write(
            long row, int head, int lane, long partial, int parts, float[] factors, int worker) {
        float[] values = Scratch.get().a;
        for (int column = 0; column < operands.latentDim; column += Scratch.LENGTH) {
            int n = Math.min(Scratch.LENGTH, operands.latentDim - column);
            softmax.merge(memory, partial, parts, lane, factors, column, n, values);
            operands.out.store(rows, values, 0, n, row, head * operands.outHead + column);
        }
    }
}

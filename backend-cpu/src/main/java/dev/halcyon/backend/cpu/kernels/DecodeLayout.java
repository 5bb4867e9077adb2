package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.kernel.attention.MlaDecode;

/// How a decode step is cut into tasks, and where its scratch memory lies.
///
/// The lanes of a sequence are its queries times its heads, query after query; they are cut into
/// blocks of at most [#MAX_LANES]. A sequence's rows are cut into *parts*: one split each while
/// there are at most [#MAX_PARTS], and as many whole splits each as that takes beyond, so that the
/// memory for partial results has a bound that no length exceeds. Both cuts depend on the spec and
/// the sequence's own length alone.
///
/// A *wave* is as many tasks (sequence, block of lanes, part) as there is room for; its partial
/// results are merged before the next begins. How large it is changes no result.
///
/// @param softmax the geometry of a block of lanes
/// @param laneBlocks blocks of lanes a sequence
/// @param blockLanes lanes a block, the last one's perhaps fewer
/// @param waveTasks most tasks a wave
/// @param areaStride bytes a worker has: its area and two partial results
/// @param maxima where the [MaxLogits] begin
/// @param partials where the partial results of a wave begin
/// @param workspaceBytes all of it
record DecodeLayout(
        OnlineSoftmax softmax,
        int laneBlocks,
        int blockLanes,
        int waveTasks,
        long areaStride,
        long maxima,
        long partials,
        long workspaceBytes) {
    /// More lanes would spill the sums out of the second-level cache; fewer would widen the cache
    /// rows too often.
    private static final int MAX_LANES = 64;

    private static final int MAX_PARTS = 64;
    private static final int TASKS_PER_THREAD = 4;

    static DecodeLayout of(MlaDecode spec, CpuContext context) {
        int threads = context.pool().threads();
        int lanes = spec.queriesPerSequence() * spec.heads();
        int laneBlocks = Math.ceilDiv(lanes, MAX_LANES);
        int blockLanes = Math.ceilDiv(lanes, laneBlocks);
        OnlineSoftmax softmax =
                new OnlineSoftmax(
                        context,
                        blockLanes,
                        spec.cache().rowDim(),
                        spec.latentDim(),
                        true,
                        spec.softmaxScale());
        long mostParts = Math.min(MAX_PARTS, Math.ceilDiv(spec.maxLength(), spec.splitRows()));
        long mostTasks = mostParts * laneBlocks * spec.maxSequences();
        int waveTasks = Math.clamp(mostTasks, 1, Math.max(MAX_PARTS, TASKS_PER_THREAD * threads));
        long areaStride = softmax.areaBytes() + 2 * softmax.partialBytes();
        long maxima = threads * areaStride;
        long partials = maxima + MaxLogits.bytes(spec.heads(), threads);
        long partialBytes = mostParts > 1 ? waveTasks * softmax.partialBytes() : 0;
        return new DecodeLayout(
                softmax,
                laneBlocks,
                blockLanes,
                waveTasks,
                areaStride,
                maxima,
                partials,
                partials + partialBytes);
    }

    /// {@return the parts of a sequence; 1 for an empty one}
    static int parts(int length, int splitRows) {
        int splits = Math.ceilDiv(length, splitRows);
        return Math.max(1, Math.ceilDiv(splits, splitsPerPart(splits)));
    }

    /// {@return the rows of every part but the last, which may have fewer}
    static long partRows(int length, int splitRows) {
        return (long) splitsPerPart(Math.ceilDiv(length, splitRows)) * splitRows;
    }

    private static int splitsPerPart(int splits) {
        return Math.max(1, Math.ceilDiv(splits, MAX_PARTS));
    }

    /// {@return where a worker's area begins}
    long area(int worker) {
        return worker * areaStride;
    }

    /// {@return where a worker sums up a run of blocks before it is folded}
    long running(int worker) {
        return area(worker) + softmax.areaBytes();
    }

    /// {@return where a worker keeps the result of a sequence's only part}
    long single(int worker) {
        return running(worker) + softmax.partialBytes();
    }

    /// {@return where the partial result of a wave's task lies}
    long partial(int task) {
        return partials + task * softmax.partialBytes();
    }
}

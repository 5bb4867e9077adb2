package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.attention.MlaDecode;

/// How a decode step is cut into tasks, and where its scratch memory lies.
///
/// The lanes of a sequence are its queries times its heads, query after query; they are cut into
/// blocks ([#laneBlocks]). A sequence's rows are cut into *parts* of whole splits ([#parts]): few,
/// because each costs a partial result to write and to read again, and at most [#MAX_PARTS], so
/// that the memory for partial results has a bound that no length exceeds. Both cuts depend on the
/// spec and the sequence's own length alone.
///
/// A *wave* is as many tasks (sequence, block of lanes, part) as there is room for; its partial
/// results are merged before the next begins. How large it is changes no result.
///
/// @param laneBlocks blocks of lanes a sequence
/// @param blockLanes lanes a block, the last one's perhaps fewer
/// @param waveTasks most tasks a wave
/// @param areaStride bytes a worker has: its area and two partial results
/// @param partialBytes bytes of a partial result
/// @param maxima where the [MaxLogits] begin
/// @param partials where the partial results of a wave begin
/// @param workspaceBytes all of it
record DecodeLayout(
        int laneBlocks,
        int blockLanes,
        int waveTasks,
        long areaStride,
        long partialBytes,
        long maxima,
        long partials,
        long workspaceBytes) {
    /// Most parts a sequence.
    static final int MAX_PARTS = 64;

    /// Parts of a sequence before longer ones have longer parts.
    private static final int FIRST_PARTS = 8;

    private static final int TASKS_PER_THREAD = 4;

    /// Lays out a step.
    ///
    /// @param areaBytes what a worker needs beside two partial results
    static DecodeLayout of(
            MlaDecode spec, int threads, int maxLanes, long areaBytes, long partialBytes) {
        int lanes = lanes(spec);
        int laneBlocks = Math.ceilDiv(lanes, maxLanes);
        long mostParts = Math.min(MAX_PARTS, Math.ceilDiv(spec.maxLength(), spec.splitRows()));
        long mostTasks = mostParts * laneBlocks * spec.maxSequences();
        int waveTasks = Math.clamp(mostTasks, 1, Math.max(MAX_PARTS, TASKS_PER_THREAD * threads));
        long areaStride = areaBytes + 2 * partialBytes;
        long maxima = threads * areaStride;
        long partials = maxima + MaxLogits.bytes(spec.heads(), threads);
        return new DecodeLayout(
                laneBlocks,
                blockLanes(lanes, maxLanes),
                waveTasks,
                areaStride,
                partialBytes,
                maxima,
                partials,
                partials + (mostParts > 1 ? waveTasks * partialBytes : 0));
    }

    /// {@return the lanes of a sequence}
    static int lanes(MlaDecode spec) {
        return spec.queriesPerSequence() * spec.heads();
    }

    /// {@return the lanes of a block, if blocks of at most `maxLanes` are about equally large}
    static int blockLanes(int lanes, int maxLanes) {
        return Math.ceilDiv(lanes, Math.ceilDiv(lanes, maxLanes));
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

    /// One part a split up to [#FIRST_PARTS], a part more for every eighth split beyond.
    private static int splitsPerPart(int splits) {
        int parts = Math.min(MAX_PARTS, FIRST_PARTS + splits / 8);
        return Math.max(1, Math.ceilDiv(splits, parts));
    }

    /// {@return where a worker's area begins}
    long area(int worker) {
        return worker * areaStride;
    }

    /// {@return where a worker sums up a run of blocks before it is folded}
    long running(int worker) {
        return single(worker) - partialBytes;
    }

    /// {@return where a worker keeps the result of a sequence's only part}
    long single(int worker) {
        return area(worker) + areaStride - partialBytes;
    }

    /// {@return where the partial result of a wave's task lies}
    long partial(int task) {
        return partials + task * partialBytes;
    }
}

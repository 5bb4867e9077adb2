package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// A bound prefill: tasks of one head and a tile of consecutive queries of one sequence, which are
/// the lanes.
///
/// Tiles and blocks of keys begin at the sequence's own first query and key, so a sequence's result
/// does not depend on what else is in the batch.
final class MlaPrefillWork implements HostWork, WorkerPool.Task {
    /// Queries a tile: more would compute more hidden pairs along the diagonal, fewer would widen
    /// keys more often.
    static final int MAX_LANES = 64;

    /// Products that one thread does in the time another takes to wake up.
    private static final long SMALL_WORK = 1 << 19;

    /// Blocks in a run, a constant so that it does not depend on which keys a tile sees.
    private static final int RUN_BLOCKS = 32;

    private final OnlineSoftmax softmax;
    private final RowLoops rows;
    private final WorkerPool pool;
    private final MemorySegment memory;
    private final Rows query;
    private final Rows key;
    private final Rows ropeKey;
    private final Rows value;
    private final Rows out;
    private final Rows queryStart;
    private final Rows keyStart;
    private final @Nullable Rows sink;
    private final @Nullable Rows logSumExp;
    private final MaxLogits maxima;
    private final long queryHead;
    private final long keyHead;
    private final long valueHead;
    private final long outHead;
    private final int heads;
    private final int nopeDim;
    private final int ropeDim;
    private final int valueDim;
    private final boolean causal;
    private final long areaStride;

    /// Tiles before each sequence.
    private final int[] tileStart;

    private final int[] keyCount;
    private FaultSink faults = (operand, position, index, bound) -> {};

    MlaPrefillWork(
            MlaPrefill spec,
            OnlineSoftmax softmax,
            CpuContext context,
            MlaPrefill.Args args,
            Tensor workspace) {
        this.softmax = softmax;
        this.rows = context.rows();
        this.pool = context.pool();
        this.memory = workspace.segment();
        this.query = Rows.of(args.query());
        this.key = Rows.of(args.key());
        this.ropeKey = Rows.of(args.ropeKey());
        this.value = Rows.of(args.value());
        this.out = Rows.of(args.out());
        this.queryStart = Rows.flat(args.queryStart());
        this.keyStart = Rows.flat(args.keyStart());
        this.sink = Rows.flatOrNull(args.sink());
        this.logSumExp = args.logSumExp() == null ? null : Rows.of(args.logSumExp());
        this.areaStride = areaStride(softmax);
        int threads = context.pool().threads();
        this.maxima =
                new MaxLogits(args.maxLogit(), memory, threads * areaStride, spec.heads(), threads);
        this.queryHead = args.query().stride(1);
        this.keyHead = args.key().stride(1);
        this.valueHead = args.value().stride(1);
        this.outHead = args.out().stride(1);
        this.heads = spec.heads();
        this.nopeDim = spec.nopeDim();
        this.ropeDim = spec.ropeDim();
        this.valueDim = spec.valueDim();
        this.causal = spec.causal();
        int sequences = (int) args.queryStart().dim(0) - 1;
        this.tileStart = new int[sequences + 1];
        this.keyCount = new int[sequences];
    }

    private static long areaStride(OnlineSoftmax softmax) {
        return softmax.areaBytes() + 2 * softmax.sums().bytes();
    }

    static long workspaceBytes(OnlineSoftmax softmax, int heads, int threads) {
        return threads * areaStride(softmax) + MaxLogits.bytes(heads, threads);
    }

    @Override
    public void run(FaultSink sink) {
        faults = sink;
        maxima.clear();
        long products = 0;
        for (int sequence = 0; sequence < keyCount.length; sequence++) {
            int queries = queries(sequence);
            keyCount[sequence] = keys(sequence);
            if (queries < 0 || keyCount[sequence] < 0) {
                reportSequence(sequence);
            }
            int tiles = Math.ceilDiv(Math.max(0, queries), MAX_LANES);
            tileStart[sequence + 1] = tileStart[sequence] + tiles;
            products += (long) Math.max(0, queries) * Math.max(0, keyCount[sequence]);
        }
        int tasks = tileStart[keyCount.length] * heads;
        if (products * heads * (nopeDim + ropeDim + valueDim) < SMALL_WORK) {
            for (int task = 0; task < tasks; task++) {
                run(task, 0);
            }
        } else {
            pool.run(tasks, this);
        }
        maxima.write();
    }

    /// {@return the queries of a sequence, -1 if they do not lie inside the rows}
    private int queries(int sequence) {
        return extent(queryStart, sequence, query.rows());
    }

    /// {@return the keys of a sequence, -1 if they do not lie inside the rows}
    private int keys(int sequence) {
        return extent(keyStart, sequence, key.rows());
    }

    private static int extent(Rows starts, int sequence, long bound) {
        int start = starts.intAt(0, sequence);
        int end = starts.intAt(0, sequence + 1);
        return start >= 0 && start <= end && end <= bound ? end - start : -1;
    }

    private void reportSequence(int sequence) {
        boolean ofQueries = queries(sequence) < 0;
        Rows starts = ofQueries ? queryStart : keyStart;
        long bound = (ofQueries ? query.rows() : key.rows()) + 1;
        int start = starts.intAt(0, sequence);
        boolean first = start < 0 || start >= bound;
        int shown = first ? start : starts.intAt(0, sequence + 1);
        faults.report(
                ofQueries ? "queryStart" : "keyStart",
                first ? sequence : sequence + 1,
                shown,
                bound);
    }

    @Override
    public void run(int task, int worker) {
        int tiles = tileStart[keyCount.length];
        int head = task / tiles;
        int inHead = task % tiles;
        // A causal tile costs the more the later it is; from both ends inwards, neighbours add up
        // to the same.
        int tile = inHead % 2 == 0 ? inHead / 2 : tiles - 1 - inHead / 2;
        int sequence = sequenceOf(tile);
        int firstQuery = (tile - tileStart[sequence]) * MAX_LANES;
        int queries = queries(sequence);
        int count = Math.min(MAX_LANES, queries - firstQuery);
        int keys = Math.max(0, keyCount[sequence]);
        long area = worker * areaStride;
        long result = area + softmax.areaBytes();
        long row = queryStart.intAt(0, sequence) + (long) firstQuery;
        pack(row, head, count, area);
        int firstVisible = causal ? keys - queries + firstQuery + 1 : keys;
        accumulate(keyStart.intAt(0, sequence), head, count, firstVisible, keys, area, result);
        for (int lane = 0; lane < count; lane++) {
            maximum(worker, head, result, lane);
            finish(row + lane, head, lane, result);
        }
    }

    private int sequenceOf(int tile) {
        int low = 0;
        int high = keyCount.length - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (tileStart[middle] <= tile) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private void pack(long firstRow, int head, int count, long area) {
        for (int lane = 0; lane < count; lane++) {
            long to = softmax.keyRow(area, lane);
            softmax.widen(query, firstRow + lane, head * queryHead, nopeDim + ropeDim, memory, to);
        }
        softmax.packQueries(memory, area, 0, count);
        softmax.packNothing(memory, area, count);
    }

    /// Attends to a sequence's keys.
    ///
    /// @param firstVisible keys that lane 0 sees, perhaps none or fewer; each following causal lane
    ///   sees one more
    private void accumulate(
            long firstRow,
            int head,
            int count,
            int firstVisible,
            int keys,
            long area,
            long result) {
        int last = Math.min(keys, causal ? firstVisible + count - 1 : keys);
        int end = softmax.panels(count);
        boolean folds = Math.ceilDiv(Math.max(0, last), AttentionLoops.BLOCK_KEYS) > RUN_BLOCKS;
        long running = folds ? result + softmax.sums().bytes() : result;
        softmax.sums().clear(memory, result);
        softmax.sums().clear(memory, running);
        int inRun = 0;
        for (int from = 0; from < last; from += AttentionLoops.BLOCK_KEYS) {
            if (inRun == RUN_BLOCKS) {
                softmax.fold(memory, running, result);
                softmax.sums().clear(memory, running);
                inRun = 0;
            }
            int n = Math.min(AttentionLoops.BLOCK_KEYS, last - from);
            load(firstRow + from, head, n, area);
            int firstLane = causal ? Math.max(0, from + 1 - firstVisible) : 0;
            int first = softmax.panelOf(firstLane);
            softmax.score(memory, area, n, first, end);
            if (causal) {
                for (int lane = first * softmax.panelLanes(); lane < count; lane++) {
                    int visible = firstVisible + lane - from;
                    if (visible >= n) {
                        break;
                    }
                    softmax.hide(memory, area, lane, Math.max(0, visible), n);
                }
            }
            softmax.absorb(memory, area, running, n, inRun == 0, first, end);
            inRun++;
        }
        if (folds) {
            softmax.fold(memory, running, result);
        }
    }

    private void load(long firstRow, int head, int count, long area) {
        for (int i = 0; i < count; i++) {
            long row = firstRow + i;
            long to = softmax.keyRow(area, i);
            softmax.widen(key, row, head * keyHead, nopeDim, memory, to);
            if (ropeDim > 0) {
                softmax.widen(ropeKey, row, 0, ropeDim, memory, to + 4L * nopeDim);
            }
            softmax.widen(
                    value, row, head * valueHead, valueDim, memory, softmax.valueRow(area, i));
        }
    }

    private void maximum(int worker, int head, long result, int lane) {
        if (maxima.wanted()) {
            maxima.raise(worker, head, softmax.sums().reference(memory, result, lane));
        }
    }

    private void finish(long row, int head, int lane, long result) {
        Scratch scratch = Scratch.get();
        float logit = sink == null ? Float.NEGATIVE_INFINITY : sink.floatAt(0, head);
        float total = softmax.sums().weigh(memory, result, 1, lane, logit, scratch.b);
        if (logSumExp != null) {
            logSumExp.setFloat(row, head, total);
        }
        for (int column = 0; column < valueDim; column += Scratch.LENGTH) {
            int n = Math.min(Scratch.LENGTH, valueDim - column);
            softmax.merge(memory, result, 1, lane, scratch.b, column, n, scratch.a);
            out.store(rows, scratch.a, 0, n, row, head * outHead + column);
        }
    }
}

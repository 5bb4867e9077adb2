package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaPrefill;

import java.lang.foreign.MemorySegment;

/// A bound prefill: tasks of one head and a tile of consecutive queries of one sequence, computed
/// by a [PrefillForm].
///
/// Tiles and blocks of keys begin at the sequence's own first query and key, so a sequence's result
/// does not depend on what else is in the batch.
final class MlaPrefillWork implements HostWork, WorkerPool.Task {
    /// Products that one thread does in the time another takes to wake up.
    private static final long SMALL_WORK = 1 << 19;

    private final PrefillOperands operands;
    private final PrefillForm form;
    private final int tileQueries;
    private final WorkerPool pool;
    private final MemorySegment memory;
    private final MaxLogits maxima;

    /// Tiles before each sequence.
    private final int[] tileStart;

    private final int[] keyCount;

    /// Uses the memory from `maximaStart` for the largest logits; what is before it is the form's.
    MlaPrefillWork(
            PrefillOperands operands,
            PrefillForm form,
            int tileQueries,
            WorkerPool pool,
            MlaPrefill.Args args,
            MemorySegment memory,
            long maximaStart) {
        this.operands = operands;
        this.form = form;
        this.tileQueries = tileQueries;
        this.pool = pool;
        this.memory = memory;
        this.maxima =
                new MaxLogits(args.maxLogit(), memory, maximaStart, operands.heads, pool.threads());
        this.tileStart = new int[operands.sequences + 1];
        this.keyCount = new int[operands.sequences];
    }

    @Override
    public void run(FaultSink faults) {
        maxima.clear();
        long products = 0;
        for (int sequence = 0; sequence < keyCount.length; sequence++) {
            int queries = operands.queries(sequence);
            keyCount[sequence] = operands.keys(sequence);
            if (queries < 0 || keyCount[sequence] < 0) {
                reportSequence(sequence, faults);
            }
            int tiles = Math.ceilDiv(Math.max(0, queries), tileQueries);
            tileStart[sequence + 1] = tileStart[sequence] + tiles;
            products += (long) Math.max(0, queries) * Math.max(0, keyCount[sequence]);
        }
        int tasks = tileStart[keyCount.length] * operands.heads;
        products *= operands.heads;
        if (products * (operands.nopeDim + operands.ropeDim + operands.valueDim) < SMALL_WORK) {
            for (int task = 0; task < tasks; task++) {
                run(task, 0);
            }
        } else {
            pool.run(tasks, this);
        }
        maxima.write();
    }

    private void reportSequence(int sequence, FaultSink faults) {
        boolean ofQueries = operands.queries(sequence) < 0;
        Rows starts = ofQueries ? operands.queryStart : operands.keyStart;
        long bound = (ofQueries ? operands.query.rows() : operands.key.rows()) + 1;
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
        int firstQuery = (tile - tileStart[sequence]) * tileQueries;
        int queries = operands.queries(sequence);
        int count = Math.min(tileQueries, queries - firstQuery);
        int keys = Math.max(0, keyCount[sequence]);
        long row = operands.queryStart.intAt(0, sequence) + (long) firstQuery;
        form.pack(row, head, count, worker);
        int firstVisible = operands.causal ? keys - queries + firstQuery + 1 : keys;
        int firstKey = operands.keyStart.intAt(0, sequence);
        form.accumulate(firstKey, head, count, firstVisible, keys, worker);
        for (int lane = 0; lane < count; lane++) {
            if (maxima.wanted()) {
                maxima.raise(worker, head, form.max(worker, lane));
            }
            finish(row + lane, head, lane, worker);
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

    private void finish(long row, int head, int lane, int worker) {
        float[] factor = Scratch.get().b;
        float logit =
                operands.sink == null ? Float.NEGATIVE_INFINITY : operands.sink.floatAt(0, head);
        float total = form.sums().weigh(memory, form.result(worker), 1, lane, logit, factor);
        if (operands.logSumExp != null) {
            operands.logSumExp.setFloat(row, head, total);
        }
        form.write(row, head, lane, factor, worker);
    }
}

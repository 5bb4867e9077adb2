package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaDecode;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A bound decode step: waves of tasks as [DecodeLayout] cuts them, each a block of lanes over a
/// part of a sequence, computed by a [DecodeForm].
final class MlaDecodeWork implements HostWork {
    private static final int MERGE_LANES = 8;

    /// Products that one thread does in the time another takes to wake up.
    private static final long SMALL_WORK = 1 << 19;

    private final DecodeLayout layout;
    private final DecodeOperands operands;
    private final DecodeForm form;
    private final WorkerPool pool;
    private final MemorySegment memory;
    private final MaxLogits maxima;
    private final WorkerPool.Task attend = this::attend;
    private final WorkerPool.Task merge = this::merge;

    /// The sequence and block of lanes whose queries a worker has packed, -1 for none.
    private final long[] packed;

    private final int[] taskGroup;
    private final long[] group;
    private final int[] groupLength;
    private final int[] groupTask;
    private int tasks;
    private int groups;
    private boolean merging;
    private long products;

    MlaDecodeWork(
            DecodeLayout layout,
            DecodeOperands operands,
            DecodeForm form,
            WorkerPool pool,
            MlaDecode.Args args,
            MemorySegment memory) {
        this.layout = layout;
        this.operands = operands;
        this.form = form;
        this.pool = pool;
        this.memory = memory;
        this.maxima =
                new MaxLogits(
                        args.maxLogit(), memory, layout.maxima(), operands.heads, pool.threads());
        this.packed = new long[pool.threads()];
        this.taskGroup = new int[layout.waveTasks()];
        this.group = new long[layout.waveTasks()];
        this.groupLength = new int[layout.waveTasks()];
        this.groupTask = new int[layout.waveTasks()];
    }

    @Override
    public void run(FaultSink sink) {
        operands.reportTo(sink);
        Arrays.fill(packed, -1);
        maxima.clear();
        long all = Rows.live(operands.sequences, operands.activeRows) * layout.laneBlocks();
        long next = 0;
        while (next < all) {
            next = fillWave(next, all);
            runAll(tasks, attend);
            if (merging) {
                runAll(groups * Math.ceilDiv(layout.blockLanes(), MERGE_LANES), merge);
            }
        }
        maxima.write();
    }

    private void runAll(int count, WorkerPool.Task work) {
        if (products < SMALL_WORK) {
            for (int task = 0; task < count; task++) {
                work.run(task, 0);
            }
        } else {
            pool.run(count, work);
        }
    }

    /// Lists the tasks of as many whole groups (a sequence's block of lanes) as there is room for.
    ///
    /// @return the first group that is left
    private long fillWave(long first, long all) {
        tasks = 0;
        groups = 0;
        merging = false;
        products = 0;
        long next = first;
        while (next < all) {
            long sequence = next / layout.laneBlocks();
            int length = operands.length(sequence);
            int parts = DecodeLayout.parts(length, operands.splitRows);
            if (tasks + parts > layout.waveTasks()) {
                break;
            }
            if (next % layout.laneBlocks() == 0) {
                operands.checkLength(sequence);
            }
            group[groups] = next;
            groupLength[groups] = length;
            groupTask[groups] = tasks;
            for (int part = 0; part < parts; part++) {
                taskGroup[tasks++] = groups;
            }
            merging |= parts > 1;
            products +=
                    (long) length * layout.blockLanes() * (operands.rowDim + operands.latentDim);
            groups++;
            next++;
        }
        return next;
    }

    private int firstLane(int number) {
        return (int) (group[number] % layout.laneBlocks()) * layout.blockLanes();
    }

    private int laneCount(int firstLane) {
        return Math.min(layout.blockLanes(), operands.queries * operands.heads - firstLane);
    }

    private void attend(int task, int worker) {
        int number = taskGroup[task];
        long sequence = group[number] / layout.laneBlocks();
        int firstLane = firstLane(number);
        int count = laneCount(firstLane);
        int length = groupLength[number];
        int parts = DecodeLayout.parts(length, operands.splitRows);
        long partRows = DecodeLayout.partRows(length, operands.splitRows);
        long from = (task - groupTask[number]) * partRows;
        long end = Math.min(length, from + partRows);
        long result = parts == 1 ? layout.single(worker) : layout.partial(task);
        if (from < end && packed[worker] != group[number]) {
            form.pack(sequence, firstLane, count, worker);
            packed[worker] = group[number];
        }
        form.accumulate(sequence, firstLane, count, length, from, end, worker, result);
        if (maxima.wanted()) {
            for (int lane = 0; lane < count; lane++) {
                maxima.raise(
                        worker,
                        (firstLane + lane) % operands.heads,
                        form.max(worker, result, lane));
            }
        }
        if (parts == 1) {
            for (int lane = 0; lane < count; lane++) {
                finish(sequence, firstLane, lane, result, 1, worker);
            }
        }
    }

    private void merge(int task, int worker) {
        int chunks = Math.ceilDiv(layout.blockLanes(), MERGE_LANES);
        int number = task / chunks;
        int parts = DecodeLayout.parts(groupLength[number], operands.splitRows);
        if (parts == 1) {
            return;
        }
        long sequence = group[number] / layout.laneBlocks();
        int firstLane = firstLane(number);
        int first = task % chunks * MERGE_LANES;
        int end = Math.min(laneCount(firstLane), first + MERGE_LANES);
        for (int lane = first; lane < end; lane++) {
            finish(sequence, firstLane, lane, layout.partial(groupTask[number]), parts, worker);
        }
    }

    private void finish(
            long sequence, int firstLane, int lane, long partial, int parts, int worker) {
        int pair = firstLane + lane;
        int head = pair % operands.heads;
        long row = operands.row(sequence, pair);
        float[] factors = Scratch.get().b;
        float logit =
                operands.sink == null ? Float.NEGATIVE_INFINITY : operands.sink.floatAt(0, head);
        float total = form.sums().weigh(memory, partial, parts, lane, logit, factors);
        if (operands.logSumExp != null) {
            operands.logSumExp.setFloat(row, head, total);
        }
        form.write(row, head, lane, partial, parts, factors, worker);
    }
}

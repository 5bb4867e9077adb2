package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A bound decode step: waves of tasks as [DecodeLayout] cuts them, each a block of lanes over a
/// part of a sequence.
///
/// A task widens the cache rows of a block once for all its lanes; scores have the lanes side by
/// side, so that the softmax needs no sums across a vector and nothing is transposed but the
/// queries, once a block of lanes and worker.
final class MlaDecodeWork implements HostWork {
    private static final int MERGE_LANES = 8;

    /// Products that one thread does in the time another takes to wake up.
    private static final long SMALL_WORK = 1 << 19;

    private final DecodeLayout layout;
    private final OnlineSoftmax softmax;
    private final RowLoops rows;
    private final WorkerPool pool;
    private final MemorySegment memory;
    private final Rows query;
    private final Rows out;
    private final Rows cache;
    private final Rows blockTable;
    private final Rows lengths;
    private final @Nullable Rows sink;
    private final @Nullable Rows logSumExp;
    private final @Nullable Rows activeRows;
    private final MaxLogits maxima;
    private final long queryHead;
    private final long outHead;
    private final long sequences;
    private final int queries;
    private final int heads;
    private final int rowDim;
    private final int latentDim;
    private final int rowsPerPage;
    private final long pages;
    private final int maxLength;
    private final int splitRows;
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
    private FaultSink faults = (operand, position, index, bound) -> {};

    MlaDecodeWork(
            MlaDecode spec,
            DecodeLayout layout,
            CpuContext context,
            MlaDecode.Args args,
            Tensor workspace) {
        this.layout = layout;
        this.softmax = layout.softmax();
        this.rows = context.rows();
        this.pool = context.pool();
        this.memory = workspace.segment();
        this.query = Rows.of(args.query());
        this.out = Rows.of(args.out());
        this.cache = AttentionTypes.rows(args.cache());
        this.blockTable = Rows.of(args.blockTable());
        this.lengths = Rows.flat(args.lengths());
        this.sink = Rows.flatOrNull(args.sink());
        this.logSumExp = args.logSumExp() == null ? null : Rows.of(args.logSumExp());
        this.activeRows = Rows.flatOrNull(args.activeRows());
        this.maxima =
                new MaxLogits(
                        args.maxLogit(),
                        memory,
                        layout.maxima(),
                        spec.heads(),
                        context.pool().threads());
        this.queryHead = args.query().stride(1);
        this.outHead = args.out().stride(1);
        this.sequences = args.lengths().dim(0);
        this.queries = spec.queriesPerSequence();
        this.heads = spec.heads();
        this.rowDim = spec.cache().rowDim();
        this.latentDim = spec.latentDim();
        this.rowsPerPage = spec.cache().rowsPerPage();
        this.pages = args.cache().pages();
        this.maxLength = spec.maxLength();
        this.splitRows = spec.splitRows();
        this.packed = new long[context.pool().threads()];
        this.taskGroup = new int[layout.waveTasks()];
        this.group = new long[layout.waveTasks()];
        this.groupLength = new int[layout.waveTasks()];
        this.groupTask = new int[layout.waveTasks()];
    }

    @Override
    public void run(FaultSink sink) {
        faults = sink;
        Arrays.fill(packed, -1);
        maxima.clear();
        long all = Rows.live(sequences, activeRows) * layout.laneBlocks();
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
            int length = length(sequence);
            int parts = DecodeLayout.parts(length, splitRows);
            if (tasks + parts > layout.waveTasks()) {
                break;
            }
            if (next % layout.laneBlocks() == 0) {
                reportLength(sequence);
            }
            group[groups] = next;
            groupLength[groups] = length;
            groupTask[groups] = tasks;
            for (int part = 0; part < parts; part++) {
                taskGroup[tasks++] = groups;
            }
            merging |= parts > 1;
            products += (long) length * layout.blockLanes() * (rowDim + latentDim);
            groups++;
            next++;
        }
        return next;
    }

    private int length(long sequence) {
        return Math.clamp(lengths.intAt(0, sequence), 0, maxLength);
    }

    private void reportLength(long sequence) {
        int length = lengths.intAt(0, sequence);
        if (length < 0 || length > maxLength) {
            faults.report("lengths", sequence, length, maxLength + 1L);
        }
    }

    private void attend(int task, int worker) {
        int number = taskGroup[task];
        long sequence = group[number] / layout.laneBlocks();
        int firstLane = (int) (group[number] % layout.laneBlocks()) * layout.blockLanes();
        int count = Math.min(layout.blockLanes(), queries * heads - firstLane);
        int length = groupLength[number];
        int parts = DecodeLayout.parts(length, splitRows);
        long partRows = DecodeLayout.partRows(length, splitRows);
        long from = (task - groupTask[number]) * partRows;
        long end = Math.min(length, from + partRows);
        long result = parts == 1 ? layout.single(worker) : layout.partial(task);
        if (from < end && packed[worker] != group[number]) {
            pack(sequence, firstLane, count, worker);
            packed[worker] = group[number];
        }
        accumulate(sequence, firstLane, count, length, from, end, worker, result);
        if (maxima.wanted()) {
            for (int lane = 0; lane < count; lane++) {
                maxima.raise(worker, (firstLane + lane) % heads, softmax.max(memory, result, lane));
            }
        }
        if (parts == 1) {
            for (int lane = 0; lane < count; lane++) {
                finish(sequence, firstLane, lane, result, 1);
            }
        }
    }

    private void pack(long sequence, int firstLane, int count, int worker) {
        long area = layout.area(worker);
        for (int lane = 0; lane < count; lane++) {
            int pair = firstLane + lane;
            long row = sequence * queries + pair / heads;
            softmax.widen(
                    query,
                    row,
                    pair % heads * queryHead,
                    rowDim,
                    memory,
                    softmax.keyRow(area, lane));
        }
        softmax.packQueries(memory, area, 0, count);
        softmax.packNothing(memory, area, count);
    }

    private void accumulate(
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
        softmax.clear(memory, result);
        softmax.clear(memory, running);
        int inRun = 0;
        for (long row = from; row < end; row += AttentionLoops.BLOCK_KEYS) {
            if (inRun == runBlocks) {
                softmax.fold(memory, running, result);
                softmax.clear(memory, running);
                inRun = 0;
            }
            int keys = (int) Math.min(AttentionLoops.BLOCK_KEYS, end - row);
            boolean complete = loadKeys(sequence, row, keys, area, firstLane == 0);
            softmax.score(memory, area, keys, 0, panels);
            if (!complete) {
                hideMissing(sequence, row, keys, area, count);
            }
            if (row + keys > length - queries + 1L) {
                hideLater(firstLane, count, length, row, keys, area);
            }
            softmax.absorb(memory, area, running, keys, inRun == 0, 0, panels);
            inRun++;
        }
        if (folds) {
            softmax.fold(memory, running, result);
        }
    }

    /// Widens the block's cache rows; those of a page outside the pool become zeros.
    ///
    /// @return whether every row was there
    private boolean loadKeys(long sequence, long firstRow, int keys, long area, boolean reports) {
        boolean complete = true;
        for (int key = 0; key < keys; key++) {
            long row = firstRow + key;
            long entry = row / rowsPerPage;
            long inPage = row % rowsPerPage;
            int page = blockTable.intAt(sequence, entry);
            if (page >= 0 && page < pages) {
                softmax.widen(
                        cache,
                        page * (long) rowsPerPage + inPage,
                        0,
                        rowDim,
                        memory,
                        softmax.keyRow(area, key));
                continue;
            }
            complete = false;
            OnlineSoftmax.zero(memory, softmax.keyRow(area, key), rowDim);
            if (reports && (inPage == 0 || key == 0)) {
                faults.report(
                        "blockTable", sequence * (maxLength / rowsPerPage) + entry, page, pages);
            }
        }
        return complete;
    }

    private void hideMissing(long sequence, long firstRow, int keys, long area, int count) {
        for (int key = 0; key < keys; key++) {
            int page = blockTable.intAt(sequence, (firstRow + key) / rowsPerPage);
            if (page < 0 || page >= pages) {
                for (int lane = 0; lane < count; lane++) {
                    softmax.hide(memory, area, lane, key, key + 1);
                }
            }
        }
    }

    /// Hides the rows of tokens behind a lane's own.
    private void hideLater(int firstLane, int count, int length, long row, int keys, long area) {
        for (int lane = 0; lane < count; lane++) {
            long visible = (long) length - queries + (firstLane + lane) / heads + 1 - row;
            if (visible < keys) {
                softmax.hide(memory, area, lane, (int) Math.max(0, visible), keys);
            }
        }
    }

    private void merge(int task, int worker) {
        int chunks = Math.ceilDiv(layout.blockLanes(), MERGE_LANES);
        int number = task / chunks;
        int parts = DecodeLayout.parts(groupLength[number], splitRows);
        if (parts == 1) {
            return;
        }
        long sequence = group[number] / layout.laneBlocks();
        int firstLane = (int) (group[number] % layout.laneBlocks()) * layout.blockLanes();
        int count = Math.min(layout.blockLanes(), queries * heads - firstLane);
        int first = task % chunks * MERGE_LANES;
        for (int lane = first; lane < Math.min(count, first + MERGE_LANES); lane++) {
            finish(sequence, firstLane, lane, layout.partial(groupTask[number]), parts);
        }
    }

    private void finish(long sequence, int firstLane, int lane, long partial, int parts) {
        Scratch scratch = Scratch.get();
        int pair = firstLane + lane;
        int head = pair % heads;
        long row = sequence * queries + pair / heads;
        float logit = sink == null ? Float.NEGATIVE_INFINITY : sink.floatAt(0, head);
        float total = softmax.weigh(memory, partial, parts, lane, logit, scratch.b);
        if (logSumExp != null) {
            logSumExp.setFloat(row, head, total);
        }
        for (int column = 0; column < latentDim; column += Scratch.LENGTH) {
            int n = Math.min(Scratch.LENGTH, latentDim - column);
            softmax.merge(memory, partial, parts, lane, scratch.b, column, n, scratch.a);
            out.store(rows, scratch.a, 0, n, row, head * outHead + column);
        }
    }
}

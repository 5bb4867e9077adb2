package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Scatters latents and rope keys to cache rows.
///
/// Tasks are runs of columns, not of tokens, and each goes through the tokens in order: of two
/// tokens with one slot the later is kept, whole.
final class CacheAppendKernel implements Kernel<CacheAppend, CacheAppend.Args, HostWork> {
    private static final String NAME = "cache.append";

    private final CpuContext context;

    CacheAppendKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<CacheAppend> specType() {
        return CacheAppend.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<CacheAppend.Args, HostWork> decide(CacheAppend spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in())) {
            return RowTypes.refuse(spec, spec.in());
        }
        if (!AttentionTypes.cache(spec.cache())) {
            return Decision.refused(
                    Support.Reason.FORMAT, "cache is " + spec.cache(), AttentionTypes.CACHES);
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work implements HostWork, WorkerPool.Task {
        private static final int TASK_COLUMNS = 128;

        /// Elements that one thread moves in the time another takes to wake up.
        private static final long SMALL_WORK = 1 << 15;

        private final RowLoops loops;
        private final WorkerPool pool;
        private final Rows latent;
        private final Rows ropeKey;
        private final Rows slots;
        private final Rows cache;
        private final @Nullable Rows activeRows;
        private final long tokens;
        private final int latentDim;
        private final int ropeDim;
        private final int latentTasks;
        private final int tasks;
        private long live;
        private FaultSink faults = (operand, position, index, bound) -> {};

        Work(CpuContext context, CacheAppend spec, CacheAppend.Args args) {
            loops = context.rows();
            pool = context.pool();
            latent = Rows.of(args.latent());
            ropeKey = Rows.of(args.ropeKey());
            slots = Rows.flat(args.slots());
            cache = AttentionTypes.rows(args.cache());
            activeRows = Rows.flatOrNull(args.activeRows());
            tokens = args.slots().dim(0);
            latentDim = spec.cache().latentDim();
            ropeDim = spec.cache().ropeDim();
            latentTasks = Math.ceilDiv(latentDim, TASK_COLUMNS);
            tasks = latentTasks + Math.ceilDiv(ropeDim, TASK_COLUMNS);
        }

        @Override
        public void run(FaultSink sink) {
            faults = sink;
            live = Rows.live(tokens, activeRows);
            if (live * (latentDim + ropeDim) < SMALL_WORK) {
                for (int task = 0; task < tasks; task++) {
                    run(task, 0);
                }
            } else {
                pool.run(tasks, this);
            }
        }

        @Override
        public void run(int task, int worker) {
            boolean ofLatent = task < latentTasks;
            Rows from = ofLatent ? latent : ropeKey;
            int column = (ofLatent ? task : task - latentTasks) * TASK_COLUMNS;
            int n = Math.min(TASK_COLUMNS, (ofLatent ? latentDim : ropeDim) - column);
            int cacheColumn = ofLatent ? column : latentDim + column;
            for (long token = 0; token < live; token++) {
                int slot = slots.intAt(0, token);
                if (slot >= 0 && slot < cache.rows()) {
                    AttentionTypes.convert(loops, from, token, column, cache, slot, cacheColumn, n);
                } else if (slot != -1 && task == 0) {
                    faults.report("slots", token, slot, cache.rows());
                }
            }
        }
    }
}

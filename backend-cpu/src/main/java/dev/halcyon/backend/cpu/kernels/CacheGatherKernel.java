package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Copies cache rows out, in blocks of rows.
final class CacheGatherKernel implements Kernel<CacheGather, CacheGather.Args, HostWork> {
    private static final String NAME = "cache.gather";

    private final CpuContext context;

    CacheGatherKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<CacheGather> specType() {
        return CacheGather.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<CacheGather.Args, HostWork> decide(CacheGather spec, Limits limits) {
        if (RowTypes.lacksAny(spec.out())) {
            return RowTypes.refuse(spec, spec.out());
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

    private static final class Work extends RowWork {
        private final Rows cache;
        private final Rows slots;
        private final Rows latent;
        private final Rows ropeKey;
        private final int latentDim;
        private final int ropeDim;

        Work(CpuContext context, CacheGather spec, CacheGather.Args args) {
            super(context, args.slots().dim(0), spec.cache().rowDim(), args.activeRows());
            cache = AttentionTypes.rows(args.cache());
            slots = Rows.flat(args.slots());
            latent = Rows.of(args.latent());
            ropeKey = Rows.of(args.ropeKey());
            latentDim = spec.cache().latentDim();
            ropeDim = spec.cache().ropeDim();
        }

        @Override
        void block(long first, long end, int column, int n, int worker) {
            for (long row = first; row < end; row++) {
                int slot = slots.intAt(0, row);
                if (slot >= 0 && slot < cache.rows()) {
                    AttentionTypes.convert(loops, cache, slot, 0, latent, row, 0, latentDim);
                    if (ropeDim > 0) {
                        AttentionTypes.convert(
                                loops, cache, slot, latentDim, ropeKey, row, 0, ropeDim);
                    }
                    continue;
                }
                if (slot != -1) {
                    fault("slots", row, slot, cache.rows());
                }
                latent.clear(row, 0, latentDim);
                ropeKey.clear(row, 0, ropeDim);
            }
        }
    }
}

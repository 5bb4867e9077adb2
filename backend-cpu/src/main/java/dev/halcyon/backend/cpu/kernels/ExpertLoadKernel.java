package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// The count of choices by expert, on one thread: a batch has fewer choices than two threads would
/// take to meet.
final class ExpertLoadKernel implements Kernel<ExpertLoad, ExpertLoad.Args, HostWork> {
    private static final String NAME = "expert-load";

    private final CpuContext context;

    ExpertLoadKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<ExpertLoad> specType() {
        return ExpertLoad.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<ExpertLoad.Args, HostWork> decide(ExpertLoad spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(spec, args));
    }

    private static final class Work implements HostWork {
        private final ExpertLoad spec;
        private final long tokens;
        private final Rows indices;
        private final Rows load;
        private final @Nullable Rows activeRows;

        Work(ExpertLoad spec, ExpertLoad.Args args) {
            this.spec = spec;
            tokens = args.indices().dim(0);
            indices = Rows.of(args.indices());
            load = Rows.flat(args.load());
            activeRows = Rows.flatOrNull(args.activeRows());
        }

        @Override
        public void run(FaultSink faults) {
            if (!spec.add()) {
                load.clear(0, 0, spec.experts());
            }
            long live = Rows.live(tokens, activeRows);
            for (long token = 0; token < live; token++) {
                for (int k = 0; k < spec.topK(); k++) {
                    int expert = indices.intAt(token, k);
                    if (expert >= 0 && expert < spec.experts()) {
                        load.setInt(0, expert, load.intAt(0, expert) + 1);
                    } else if (expert != -1) {
                        faults.report("indices", token * spec.topK() + k, expert, spec.experts());
                    }
                }
            }
        }
    }
}

package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The step of the selection bias towards an even load, on one thread.
final class RouterBiasUpdateKernel
        implements Kernel<RouterBiasUpdate, RouterBiasUpdate.Args, HostWork> {
    private static final String NAME = "router-bias-update";

    private final CpuContext context;

    RouterBiasUpdateKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<RouterBiasUpdate> specType() {
        return RouterBiasUpdate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<RouterBiasUpdate.Args, HostWork> decide(RouterBiasUpdate spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(spec, args));
    }

    private static final class Work implements HostWork {
        private final int experts;
        private final double rate;
        private final Rows bias;
        private final Rows load;

        Work(RouterBiasUpdate spec, RouterBiasUpdate.Args args) {
            experts = spec.experts();
            rate = spec.rate();
            bias = Rows.flat(args.bias());
            load = Rows.flat(args.load());
        }

        @Override
        public void run(FaultSink faults) {
            long total = 0;
            for (int e = 0; e < experts; e++) {
                total += load.intAt(0, e);
            }
            for (int e = 0; e < experts; e++) {
                int direction = Long.signum(total - (long) experts * load.intAt(0, e));
                if (direction != 0) {
                    bias.setFloat(0, e, (float) (bias.floatAt(0, e) + direction * rate));
                }
            }
        }
    }
}

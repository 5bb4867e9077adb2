package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Prefix sums of the splits of each sequence, one after the other: there are as many as sequences.
final class MlaScheduleKernel implements Kernel<MlaSchedule, MlaSchedule.Args, HostWork> {
    private static final String NAME = "mla.schedule";

    private final CpuContext context;

    MlaScheduleKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MlaSchedule> specType() {
        return MlaSchedule.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MlaSchedule.Args, HostWork> decide(MlaSchedule spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) ->
                        new Work(
                                Rows.flat(args.lengths()),
                                Rows.flat(args.splitStart()),
                                args.lengths().dim(0),
                                spec.splitRows()));
    }

    private record Work(Rows lengths, Rows splitStart, long sequences, int splitRows)
            implements HostWork {
        @Override
        public void run(FaultSink faults) {
            long splits = 0;
            splitStart.setInt(0, 0, 0);
            for (long sequence = 0; sequence < sequences; sequence++) {
                int length = lengths.intAt(0, sequence);
                if (length < 0) {
                    faults.report("lengths", sequence, length, 1L + Integer.MAX_VALUE);
                }
                splits += Math.ceilDiv(Math.max(0, length), splitRows);
                splitStart.setInt(0, sequence + 1, (int) Math.min(splits, Integer.MAX_VALUE));
            }
        }
    }
}

package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The running sums of splits: one thread.
record MlaScheduleKernel(KernelFunctions functions)
        implements Kernel<MlaSchedule, MlaSchedule.Args, CudaWork> {
    private static final int THREADS = 32;

    @Override
    public Class<MlaSchedule> specType() {
        return MlaSchedule.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("mla_schedule");
    }

    @Override
    public Decision<MlaSchedule.Args, CudaWork> decide(MlaSchedule spec, Limits limits) {
        return Decision.planned(
                new Implementation("mla_schedule", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(MlaSchedule spec, MlaSchedule.Args args) {
        return CudaWork.of(
                Params.of()
                        .address(args.lengths())
                        .address(args.splitStart())
                        .faults()
                        .integer(args.lengths().dim(0))
                        .integer(spec.splitRows())
                        .integer(args.lengths().stride(0))
                        .integer(args.splitStart().stride(0))
                        .launch(functions, "mla_schedule", 1, 1, THREADS));
    }
}

package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// How often every expert was chosen.
record ExpertLoadKernel(KernelFunctions functions)
        implements Kernel<ExpertLoad, ExpertLoad.Args, CudaWork> {

    /// Every block adds its counts to everybody's, so more blocks than a GPU has room for cost.
    private static final int MOST_BLOCKS = 256;

    @Override
    public Class<ExpertLoad> specType() {
        return ExpertLoad.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("expert_load");
    }

    @Override
    public Decision<ExpertLoad.Args, CudaWork> decide(ExpertLoad spec, Limits limits) {
        return Decision.planned(
                new Implementation("expert_load", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(ExpertLoad spec, ExpertLoad.Args args) {
        List<KernelLaunch> launches = new ArrayList<>();
        if (!spec.add()) {
            launches.add(
                    params(spec, args)
                            .launch(
                                    functions,
                                    "expert_load_clear",
                                    StridedTransfers.blocks(spec.experts()),
                                    1,
                                    Rows.BLOCK));
        }
        long choices = args.indices().dim(0) * spec.topK();
        if (choices > 0) {
            int blocks = Math.min(MOST_BLOCKS, StridedTransfers.blocks(choices));
            launches.add(
                    params(spec, args).launch(functions, "expert_load", blocks, 1, Rows.BLOCK));
        }
        return CudaWork.of(launches.toArray(KernelLaunch[]::new));
    }

    private static Params params(ExpertLoad spec, ExpertLoad.Args args) {
        return Params.of()
                .address(args.indices())
                .address(args.load())
                .address(args.activeRows())
                .faults()
                .integer(args.indices().dim(0))
                .integer(spec.topK())
                .integer(spec.experts())
                .stride(args.indices(), 0)
                .stride(args.load(), 0);
    }
}

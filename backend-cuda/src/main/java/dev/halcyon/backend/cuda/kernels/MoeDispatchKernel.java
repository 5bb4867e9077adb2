package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The sort of choices by expert: a block an expert, once to count and once to give out rows.
record MoeDispatchKernel(KernelFunctions functions)
        implements Kernel<MoeDispatch, MoeDispatch.Args, CudaWork> {
    @Override
    public Class<MoeDispatch> specType() {
        return MoeDispatch.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("moe_dispatch");
    }

    @Override
    public Decision<MoeDispatch.Args, CudaWork> decide(MoeDispatch spec, Limits limits) {
        return Decision.planned(
                new Implementation("moe_dispatch", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(MoeDispatch spec, MoeDispatch.Args args) {
        return CudaWork.of(
                launch(spec, args, "moe_dispatch_count"), launch(spec, args, "moe_dispatch_rows"));
    }

    private KernelLaunch launch(MoeDispatch spec, MoeDispatch.Args args, String kernel) {
        return Params.of()
                .address(args.indices())
                .address(args.segmentStart())
                .address(args.segmentCount())
                .address(args.rowToken())
                .address(args.rowSlot())
                .address(args.tokenRow())
                .address(args.activeRows())
                .faults()
                .integer(args.indices().dim(0))
                .integer(spec.topK())
                .integer(args.indices().stride(0))
                .integer(args.tokenRow().stride(0))
                .integer(args.rowToken().dim(0))
                .integer(spec.firstExpert())
                .integer(spec.localExperts())
                .integer(spec.alignment())
                .launch(functions, kernel, spec.localExperts(), 1, Rows.BLOCK);
    }
}

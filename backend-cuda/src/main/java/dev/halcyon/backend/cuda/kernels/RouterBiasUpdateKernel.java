package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The step of a selection bias towards an even load.
record RouterBiasUpdateKernel(KernelFunctions functions)
        implements Kernel<RouterBiasUpdate, RouterBiasUpdate.Args, CudaWork> {

    @Override
    public Class<RouterBiasUpdate> specType() {
        return RouterBiasUpdate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("router_bias_update");
    }

    @Override
    public Decision<RouterBiasUpdate.Args, CudaWork> decide(RouterBiasUpdate spec, Limits limits) {
        return Decision.planned(
                new Implementation("router_bias_update", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(RouterBiasUpdate spec, RouterBiasUpdate.Args args) {
        return CudaWork.of(
                Params.of()
                        .address(args.bias())
                        .address(args.load())
                        .integer(spec.experts())
                        .stride(args.bias(), 0)
                        .stride(args.load(), 0)
                        .real(spec.rate())
                        .launch(functions, "router_bias_update", 1, 1, Rows.BLOCK));
    }
}

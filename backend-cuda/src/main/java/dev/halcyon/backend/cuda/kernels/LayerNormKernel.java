package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Normalisation by mean and variance: a warp or a block a row.
record LayerNormKernel(KernelFunctions functions)
        implements Kernel<LayerNorm, LayerNorm.Args, CudaWork> {
    @Override
    public Class<LayerNorm> specType() {
        return LayerNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("layer_norm");
    }

    @Override
    public Decision<LayerNorm.Args, CudaWork> decide(LayerNorm spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.weight(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("layer_norm", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(LayerNorm spec, LayerNorm.Args args) {
        Rows x = new Rows(args.x());
        if (x.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.x())
                        .address(args.weight())
                        .address(args.bias())
                        .address(args.out())
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.in()))
                        .integer(ElementTypes.code(spec.weight()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(x.count())
                        .integer(x.dim())
                        .integer(x.stride())
                        .integer(new Rows(args.out()).stride())
                        .real(spec.epsilon())
                        .launch(
                                functions,
                                ElementTypes.variant(
                                        "layer_norm", spec.in(), spec.weight(), spec.out()),
                                x.teamBlocks(),
                                1,
                                Rows.BLOCK));
    }
}

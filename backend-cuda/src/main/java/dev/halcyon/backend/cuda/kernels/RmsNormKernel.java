package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Root-mean-square normalisation: a warp or a block a row.
record RmsNormKernel(KernelFunctions functions) implements Kernel<RmsNorm, RmsNorm.Args, CudaWork> {
    @Override
    public Class<RmsNorm> specType() {
        return RmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("rms_norm");
    }

    @Override
    public Decision<RmsNorm.Args, CudaWork> decide(RmsNorm spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.out())
                || spec.weighted() && ElementTypes.isWide(spec.weight())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("rms_norm", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(RmsNorm spec, RmsNorm.Args args) {
        Rows x = new Rows(args.x());
        if (x.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.x())
                        .address(0)
                        .address(args.weight())
                        .address(0)
                        .address(args.out())
                        .address(args.inverseRms())
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.in()))
                        .integer(ElementTypes.code(spec.weight()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(x.count())
                        .integer(x.dim())
                        .integer(x.stride())
                        .integer(0)
                        .integer(0)
                        .integer(new Rows(args.out()).stride())
                        .real(spec.epsilon())
                        .launch(
                                functions,
                                ElementTypes.variant(
                                        "rms_norm", spec.in(), spec.weight(), spec.out()),
                                x.teamBlocks(),
                                1,
                                Rows.BLOCK));
    }
}

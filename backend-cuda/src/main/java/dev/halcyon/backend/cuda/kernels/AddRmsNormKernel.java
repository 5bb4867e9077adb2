package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The residual addition and the norm after it, in one pass over memory.
record AddRmsNormKernel(KernelFunctions functions)
        implements Kernel<AddRmsNorm, AddRmsNorm.Args, CudaWork> {
    @Override
    public Class<AddRmsNorm> specType() {
        return AddRmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("add_rms_norm");
    }

    @Override
    public Decision<AddRmsNorm.Args, CudaWork> decide(AddRmsNorm spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.out())
                || spec.weighted() && ElementTypes.isWide(spec.weight())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("add_rms_norm", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(AddRmsNorm spec, AddRmsNorm.Args args) {
        Rows x = new Rows(args.x());
        if (x.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.x())
                        .address(args.residual())
                        .address(args.weight())
                        .address(args.sum())
                        .address(args.out())
                        .address(0)
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.in()))
                        .integer(ElementTypes.code(spec.weight()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(x.count())
                        .integer(x.dim())
                        .integer(x.stride())
                        .integer(new Rows(args.residual()).stride())
                        .integer(new Rows(args.sum()).stride())
                        .integer(new Rows(args.out()).stride())
                        .real(spec.epsilon())
                        .launch(
                                functions,
                                ElementTypes.variant(
                                        "add_rms_norm", spec.in(), spec.weight(), spec.out()),
                                x.teamBlocks(),
                                1,
                                Rows.BLOCK));
    }
}

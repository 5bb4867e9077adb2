package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The weighted sum of two matrices.
record AxpbyKernel(KernelFunctions functions) implements Kernel<Axpby, Axpby.Args, CudaWork> {
    @Override
    public Class<Axpby> specType() {
        return Axpby.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("axpby");
    }

    @Override
    public Decision<Axpby.Args, CudaWork> decide(Axpby spec, Limits limits) {
        if (ElementTypes.isWide(spec.x(), spec.y(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("axpby", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(Axpby spec, Axpby.Args args) {
        Rows x = new Rows(args.x());
        if (x.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.x())
                        .address(args.y())
                        .address(args.out())
                        .address(args.scalars())
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.x()))
                        .integer(ElementTypes.code(spec.y()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(x.count())
                        .integer(x.dim())
                        .integer(x.stride())
                        .integer(new Rows(args.y()).stride())
                        .integer(new Rows(args.out()).stride())
                        .real(spec.alpha())
                        .real(spec.beta())
                        .launch(
                                functions,
                                ElementTypes.variant("axpby", spec.x(), spec.y(), spec.out()),
                                x.elementBlocks(),
                                1,
                                Rows.BLOCK));
    }
}

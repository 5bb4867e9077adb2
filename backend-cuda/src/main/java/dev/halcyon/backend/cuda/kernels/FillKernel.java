package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// One value in every element of a matrix.
record FillKernel(KernelFunctions functions) implements Kernel<Fill, Fill.Args, CudaWork> {
    @Override
    public Class<Fill> specType() {
        return Fill.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("fill");
    }

    @Override
    public Decision<Fill.Args, CudaWork> decide(Fill spec, Limits limits) {
        return Decision.planned(
                new Implementation("fill", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(Fill spec, Fill.Args args) {
        Rows out = new Rows(args.out());
        if (out.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.out())
                        .integer(StridedTransfers.pattern(spec.dtype(), spec.value()))
                        .integer(out.unitBytes())
                        .integer(out.count())
                        .integer(out.dim())
                        .integer(out.stride())
                        .launch(functions, "fill", out.elementBlocks(), 1, Rows.BLOCK));
    }
}

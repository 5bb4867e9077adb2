package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The copy of a matrix from one row stride to another.
record CopyKernel(KernelFunctions functions) implements Kernel<Copy, Copy.Args, CudaWork> {
    @Override
    public Class<Copy> specType() {
        return Copy.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("copy");
    }

    @Override
    public Decision<Copy.Args, CudaWork> decide(Copy spec, Limits limits) {
        return Decision.planned(
                new Implementation("copy", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(args));
    }

    private CudaWork bind(Copy.Args args) {
        Rows x = new Rows(args.x());
        Rows out = new Rows(args.out());
        if (x.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.x())
                        .address(args.out())
                        .integer(x.unitBytes())
                        .integer(x.count())
                        .integer(x.dim())
                        .integer(x.stride())
                        .integer(out.stride())
                        .launch(functions, "copy", x.elementBlocks(), 1, Rows.BLOCK));
    }
}

package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The conversion of a matrix between floating-point types.
record CastKernel(KernelFunctions functions) implements Kernel<Cast, Cast.Args, CudaWork> {
    @Override
    public Class<Cast> specType() {
        return Cast.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("cast");
    }

    @Override
    public Decision<Cast.Args, CudaWork> decide(Cast spec, Limits limits) {
        String kernel = kernel(spec.from(), spec.to());
        return Decision.planned(
                new Implementation("cast", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(kernel, args));
    }

    private static String kernel(DType from, DType to) {
        if (from == DType.F32 && to == DType.BF16) {
            return "cast_f32_bf16";
        }
        return from == DType.BF16 && to == DType.F32 ? "cast_bf16_f32" : "cast";
    }

    private CudaWork bind(String kernel, Cast.Args args) {
        Rows x = new Rows(args.x());
        Rows out = new Rows(args.out());
        if (x.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.x())
                        .address(args.out())
                        .integer(ElementTypes.code(args.x().dtype()))
                        .integer(ElementTypes.code(args.out().dtype()))
                        .integer(x.count())
                        .integer(x.dim())
                        .integer(x.stride())
                        .integer(out.stride())
                        .launch(functions, kernel, x.elementBlocks(), 1, Rows.BLOCK));
    }
}

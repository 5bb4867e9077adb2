package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// A block-scaled matrix turned into plain elements.
record DequantizeKernel(KernelFunctions functions)
        implements Kernel<Dequantize, Dequantize.Args, CudaWork> {
    @Override
    public Class<Dequantize> specType() {
        return Dequantize.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("dequantize");
    }

    @Override
    public Decision<Dequantize.Args, CudaWork> decide(Dequantize spec, Limits limits) {
        Decision<Dequantize.Args, CudaWork> refusal =
                MatrixOperand.refusal(
                        spec.name(),
                        DType.F32,
                        WeightFormat.rowMajor(spec.scheme()),
                        spec.out(),
                        DType.F32);
        if (refusal != null) {
            return refusal;
        }
        return Decision.planned(
                new Implementation("dequantize", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(Dequantize spec, Dequantize.Args args) {
        Rows out = new Rows(args.out());
        if (out.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                MatrixOperand.of(args.x(), false)
                        .addTo(Params.of())
                        .address(args.out())
                        .integer(ElementTypes.code(spec.out()))
                        .integer(out.count())
                        .integer(out.dim())
                        .integer(out.stride())
                        .launch(functions, "dequantize", out.elementBlocks(), 1, Rows.BLOCK));
    }
}

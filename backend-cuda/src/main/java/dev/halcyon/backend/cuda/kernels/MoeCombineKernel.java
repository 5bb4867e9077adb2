package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The weighted sum of a token's expert rows: a block a token.
record MoeCombineKernel(KernelFunctions functions)
        implements Kernel<MoeCombine, MoeCombine.Args, CudaWork> {
    @Override
    public Class<MoeCombine> specType() {
        return MoeCombine.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("moe_combine");
    }

    @Override
    public Decision<MoeCombine.Args, CudaWork> decide(MoeCombine spec, Limits limits) {
        if (ElementTypes.isWide(spec.rows(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("moe_combine", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(MoeCombine spec, MoeCombine.Args args) {
        long tokens = args.tokenRow().dim(0);
        if (tokens == 0) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.rows())
                        .address(args.tokenRow())
                        .address(args.weights())
                        .address(args.addend())
                        .address(args.out())
                        .address(args.activeRows())
                        .faults()
                        .integer(ElementTypes.code(spec.rows()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(tokens)
                        .integer(spec.topK())
                        .integer(spec.dim())
                        .integer(args.rows().dim(0))
                        .integer(args.rows().stride(0))
                        .integer(args.addend() == null ? 0 : args.addend().stride(0))
                        .integer(args.out().stride(0))
                        .integer(args.tokenRow().stride(0))
                        .integer(args.weights() == null ? 0 : args.weights().stride(0))
                        .launch(functions, "moe_combine", Math.toIntExact(tokens), 1, Rows.BLOCK));
    }
}

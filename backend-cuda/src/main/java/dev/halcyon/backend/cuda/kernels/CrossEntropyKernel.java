package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The loss of next-token prediction: a block a row, in one pass.
record CrossEntropyKernel(KernelFunctions functions)
        implements Kernel<CrossEntropy, CrossEntropy.Args, CudaWork> {

    @Override
    public Class<CrossEntropy> specType() {
        return CrossEntropy.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("cross_entropy");
    }

    @Override
    public Decision<CrossEntropy.Args, CudaWork> decide(CrossEntropy spec, Limits limits) {
        if (ElementTypes.isWide(spec.logits())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("cross_entropy", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(CrossEntropy spec, CrossEntropy.Args args) {
        long rows = args.logits().dim(0);
        if (rows == 0) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.logits())
                        .address(args.targets())
                        .address(args.loss())
                        .address(args.logSumExp())
                        .address(args.activeRows())
                        .faults()
                        .integer(ElementTypes.code(spec.logits()))
                        .integer(rows)
                        .integer(spec.vocab())
                        .stride(args.logits(), 0)
                        .stride(args.targets(), 0)
                        .stride(args.loss(), 0)
                        .stride(args.logSumExp(), 0)
                        .launch(functions, "cross_entropy", Math.toIntExact(rows), 1, Rows.BLOCK));
    }
}

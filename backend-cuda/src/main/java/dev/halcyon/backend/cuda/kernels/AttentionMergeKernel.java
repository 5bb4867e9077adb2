package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The merge of attention over disjoint keys: a warp a head of a query.
record AttentionMergeKernel(KernelFunctions functions)
        implements Kernel<AttentionMerge, AttentionMerge.Args, CudaWork> {

    private static final int WARPS = Rows.BLOCK / 32;

    @Override
    public Class<AttentionMerge> specType() {
        return AttentionMerge.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("attention_merge");
    }

    @Override
    public Decision<AttentionMerge.Args, CudaWork> decide(AttentionMerge spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("attention_merge", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(AttentionMerge spec, AttentionMerge.Args args) {
        long pairs = args.out().dim(0) * spec.heads();
        if (pairs == 0) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.partial())
                        .address(args.partialLse())
                        .address(args.sink())
                        .address(args.out())
                        .address(args.logSumExp())
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.in()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(args.out().dim(0))
                        .integer(spec.heads())
                        .integer(spec.dim())
                        .integer(spec.parts())
                        .stride(args.partial(), 0)
                        .stride(args.partial(), 1)
                        .stride(args.partial(), 2)
                        .stride(args.partialLse(), 0)
                        .stride(args.partialLse(), 1)
                        .stride(args.partialLse(), 2)
                        .stride(args.sink(), 0)
                        .stride(args.out(), 0)
                        .stride(args.out(), 1)
                        .stride(args.logSumExp(), 0)
                        .stride(args.logSumExp(), 1)
                        .launch(
                                functions,
                                "attention_merge",
                                Math.toIntExact(Math.ceilDiv(pairs, WARPS)),
                                1,
                                Rows.BLOCK));
    }
}

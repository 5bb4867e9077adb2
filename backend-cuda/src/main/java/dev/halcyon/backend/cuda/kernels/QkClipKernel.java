package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The clip of attention logits: a block a row of the two projections.
record QkClipKernel(KernelFunctions functions) implements Kernel<QkClip, QkClip.Args, CudaWork> {

    @Override
    public Class<QkClip> specType() {
        return QkClip.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("qk_clip");
    }

    @Override
    public Decision<QkClip.Args, CudaWork> decide(QkClip spec, Limits limits) {
        if (ElementTypes.isWide(spec.weight())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("qk_clip", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(QkClip spec, QkClip.Args args) {
        long rows = spec.heads() * (2L * spec.nopeDim() + spec.ropeDim());
        return CudaWork.of(
                Params.of()
                        .address(args.queryWeight())
                        .address(args.kvWeight())
                        .address(args.maxLogit())
                        .address(args.eta())
                        .integer(ElementTypes.code(spec.weight()))
                        .integer(spec.heads())
                        .integer(spec.nopeDim())
                        .integer(spec.ropeDim())
                        .integer(spec.valueDim())
                        .integer(spec.queryRank())
                        .integer(spec.latentDim())
                        .stride(args.queryWeight(), 0)
                        .stride(args.kvWeight(), 0)
                        .stride(args.maxLogit(), 0)
                        .stride(args.eta(), 0)
                        .real(spec.tau())
                        .real(spec.alpha())
                        .launch(functions, "qk_clip", Math.toIntExact(rows), 1, Rows.BLOCK));
    }
}

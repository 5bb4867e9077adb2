package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Rows of a table picked by index: a block a row.
record EmbeddingKernel(KernelFunctions functions)
        implements Kernel<Embedding, Embedding.Args, CudaWork> {
    @Override
    public Class<Embedding> specType() {
        return Embedding.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("embedding");
    }

    @Override
    public Decision<Embedding.Args, CudaWork> decide(Embedding spec, Limits limits) {
        return Decision.planned(
                new Implementation("embedding", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(Embedding spec, Embedding.Args args) {
        Rows out = new Rows(args.out());
        if (out.isEmpty()) {
            return CudaWork.of();
        }
        boolean same = spec.table() == spec.out();
        return CudaWork.of(
                Params.of()
                        .address(args.ids())
                        .address(args.table())
                        .address(args.out())
                        .address(args.activeRows())
                        .faults()
                        .integer(same ? 0 : ElementTypes.code(spec.table()))
                        .integer(same ? 0 : ElementTypes.code(spec.out()))
                        .integer(same ? out.unitBytes() : 0)
                        .integer(out.count())
                        .integer(args.table().dim(0))
                        .integer(out.dim())
                        .integer(args.ids().stride(0))
                        .integer(new Rows(args.table()).stride())
                        .integer(out.stride())
                        .launch(
                                functions,
                                "embedding",
                                Math.toIntExact(out.count()),
                                1,
                                Rows.BLOCK));
    }
}

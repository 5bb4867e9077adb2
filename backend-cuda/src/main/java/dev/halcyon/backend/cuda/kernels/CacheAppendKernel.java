package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Rows written into the cache: a block a token.
record CacheAppendKernel(KernelFunctions functions)
        implements Kernel<CacheAppend, CacheAppend.Args, CudaWork> {
    @Override
    public Class<CacheAppend> specType() {
        return CacheAppend.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("cache_append");
    }

    @Override
    public Decision<CacheAppend.Args, CudaWork> decide(CacheAppend spec, Limits limits) {
        if (!spec.cache().isRowMajor() || !CacheKernels.isConvertible(spec.cache().dtype())) {
            return CacheKernels.decline(spec.name(), spec.cache());
        }
        return Decision.planned(
                new Implementation("cache_append", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) ->
                        CacheKernels.rows(
                                functions,
                                "cache_append",
                                args.cache(),
                                spec.in(),
                                args.latent(),
                                args.ropeKey(),
                                args.slots(),
                                args.activeRows()));
    }
}

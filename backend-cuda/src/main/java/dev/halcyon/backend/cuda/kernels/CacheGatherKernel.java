package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Rows read back from the cache: a block a row.
record CacheGatherKernel(KernelFunctions functions)
        implements Kernel<CacheGather, CacheGather.Args, CudaWork> {
    @Override
    public Class<CacheGather> specType() {
        return CacheGather.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("cache_gather");
    }

    @Override
    public Decision<CacheGather.Args, CudaWork> decide(CacheGather spec, Limits limits) {
        if (!spec.cache().isRowMajor() || !CacheKernels.isConvertible(spec.cache().dtype())) {
            return CacheKernels.decline(spec.name(), spec.cache());
        }
        return Decision.planned(
                new Implementation("cache_gather", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) ->
                        CacheKernels.rows(
                                functions,
                                "cache_gather",
                                args.cache(),
                                spec.out(),
                                args.latent(),
                                args.ropeKey(),
                                args.slots(),
                                args.activeRows()));
    }
}

package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.KernelRegistry;

/// Every kernel of the backend.
public final class AscendKernels {
    private AscendKernels() {}

    /// {@return the cache format that suits a platform best: the fused attention's where there is
    /// one, else the canonical one}
    public static CacheFormat cacheFormat(
            Platform platform, DType dtype, int latentDim, int ropeDim) {
        return DecodeFused.exists(platform, dtype, latentDim, ropeDim)
                ? CacheRows.parts(dtype, latentDim, ropeDim)
                : CacheFormat.rowMajor(
                        dtype, latentDim, ropeDim, CacheFormat.DEFAULT_ROWS_PER_PAGE);
    }

    /// {@return the kernels for a platform}
    public static KernelRegistry<AscendWork> registry(Platform platform) {
        return new KernelRegistry<AscendWork>(AscendWork::inOrder)
                .register(new CopyKernel(platform))
                .register(new FillKernel(platform))
                .register(new CastKernel(platform))
                .register(new AxpbyKernel(platform))
                .register(new SwiGluKernel(platform))
                .register(new EmbeddingKernel(platform))
                .register(new ReduceKernel(platform))
                .register(new CrossEntropyKernel(platform))
                .register(new RmsNormKernel(platform))
                .register(new LayerNormKernel(platform))
                .register(new AddRmsNormKernel(platform))
                .register(new GemmKernel(platform))
                .register(new GroupedGemmKernel(platform))
                .register(new DequantizeKernel(platform))
                .register(new QuantizeKernel(platform))
                .register(new PackWeightKernel(platform))
                .register(new MoeGateKernel(platform))
                .register(new MoeDispatchKernel(platform))
                .register(new MoeCombineKernel(platform))
                .register(new MoeLayerKernel(platform))
                .register(new ExpertLoadKernel(platform))
                .register(new RouterBiasUpdateKernel(platform))
                .register(new BalanceLossKernel(platform))
                .register(new SampleKernel(platform))
                .register(new RopeKernel(platform))
                .register(new CacheAppendKernel(platform))
                .register(new CacheGatherKernel(platform))
                .register(new MlaDecodeKernel(platform))
                .register(new MlaPrefillKernel(platform))
                .register(new MlaScheduleKernel(platform))
                .register(new AttentionMergeKernel(platform))
                .register(new QkClipKernel(platform))
                .register(new NewtonSchulzKernel(platform))
                .register(new AdamWStepKernel(platform))
                .register(new MuonUpdateKernel(platform))
                .register(new MuonStepKernel(platform));
    }
}

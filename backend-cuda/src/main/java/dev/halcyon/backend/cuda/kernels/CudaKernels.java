package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.backend.cuda.blas.ProductPlanner;
import dev.halcyon.hal.spi.Kernel;
import dev.halcyon.hal.spi.KernelRegistry;

import java.util.List;
import java.util.Optional;

/// Every kernel of this backend.
public final class CudaKernels {
    private CudaKernels() {}

    /// {@return every kernel}
    public static List<Kernel<?, ?, CudaWork>> all(KernelFunctions functions) {
        return List.of(
                new AdamWStepKernel(functions),
                new AddRmsNormKernel(functions),
                new AttentionMergeKernel(functions),
                new AxpbyKernel(functions),
                new BalanceLossKernel(functions),
                new CacheAppendKernel(functions),
                new CacheGatherKernel(functions),
                new CastKernel(functions),
                new CopyKernel(functions),
                new CrossEntropyKernel(functions),
                new DequantizeKernel(functions),
                new EmbeddingKernel(functions),
                new ExpertLoadKernel(functions),
                new FillKernel(functions),
                new GemmKernel(functions),
                new GroupedGemmKernel(functions),
                new LayerNormKernel(functions),
                new MlaDecodeKernel(functions),
                new MlaPrefillKernel(functions),
                new MlaScheduleKernel(functions),
                new MoeCombineKernel(functions),
                new MoeDispatchKernel(functions),
                new MoeGateKernel(functions),
                new MuonStepKernel(functions),
                new MuonUpdateKernel(functions),
                new NewtonSchulzKernel(functions),
                new PackWeightKernel(functions),
                new QkClipKernel(functions),
                new QuantizeKernel(functions),
                new ReduceKernel(functions),
                new RmsNormKernel(functions),
                new RopeKernel(functions),
                new RouterBiasUpdateKernel(functions),
                new SampleKernel(functions),
                new SwiGluKernel(functions));
    }

    /// {@return a registry of all kernels}
    ///
    /// @param library what runs plain products where it can
    public static KernelRegistry<CudaWork> registry(
            KernelFunctions functions, Optional<ProductPlanner> library) {
        KernelRegistry<CudaWork> registry = new KernelRegistry<>(CudaWork::inOrder);
        for (Kernel<?, ?, CudaWork> kernel : all(functions)) {
            registry.register(
                    kernel instanceof GemmKernel gemm && library.isPresent()
                            ? new GemmByLibrary(gemm, library.get())
                            : kernel);
        }
        return registry;
    }
}

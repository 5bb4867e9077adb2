package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

/// What kernels over a cache share: the types they read and write, and the move of rows by slot.
final class CacheKernels {
    private CacheKernels() {}

    /// {@return whether attention reads a cache of this type}
    static boolean isReadable(DType dtype) {
        return isConvertible(dtype) && dtype != DType.F64;
    }

    /// {@return whether rows of this type are converted}
    static boolean isConvertible(DType dtype) {
        return switch (dtype) {
            case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
            default -> false;
        };
    }

    /// {@return the refusal of a cache format}
    static <A extends KernelArgs> Decision<A, CudaWork> decline(String spec, CacheFormat format) {
        return Decision.refused(
                Support.Reason.FORMAT,
                spec + " on a GPU does not know a cache of " + format,
                "a row-major cache of floating-point values of at least 8 bits");
    }

    /// {@return the move of rows between a cache and tensors}
    static CudaWork rows(
            KernelFunctions functions,
            String kernel,
            CachePool cache,
            DType dtype,
            Tensor latent,
            Tensor ropeKey,
            Tensor slots,
            @Nullable Tensor activeRows) {
        long rows = slots.dim(0);
        if (rows == 0) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(cache.storage())
                        .address(latent)
                        .address(ropeKey)
                        .address(slots)
                        .address(activeRows)
                        .faults()
                        .integer(ElementTypes.code(cache.format().dtype()))
                        .integer(ElementTypes.code(dtype))
                        .integer(rows)
                        .integer(cache.slots())
                        .integer(cache.format().latentDim())
                        .integer(cache.format().ropeDim())
                        .integer(latent.stride(0))
                        .integer(ropeKey.stride(0))
                        .integer(slots.stride(0))
                        .launch(functions, kernel, Math.toIntExact(rows), 1, Rows.BLOCK));
    }
}

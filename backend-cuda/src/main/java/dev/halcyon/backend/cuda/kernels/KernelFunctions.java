package dev.halcyon.backend.cuda.kernels;

/// Where kernels find their device code.
@FunctionalInterface
public interface KernelFunctions {
    /// {@return the handle of a kernel of `native/cuda`}
    ///
    /// @throws dev.halcyon.hal.error.HalException if the loaded image does not have it
    long find(String name);
}

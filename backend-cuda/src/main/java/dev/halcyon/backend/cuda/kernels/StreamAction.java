package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.backend.cuda.driver.CudaDriver;

/// Something prepared that can be submitted to a stream as often as wanted.
@FunctionalInterface
public interface StreamAction {
    /// Submits it.
    ///
    /// @param faults address of the fault record of whoever submits
    void enqueue(CudaDriver driver, long stream, long faults);

    /// {@return whether it may report bad indices}
    default boolean mayFault() {
        return false;
    }
}

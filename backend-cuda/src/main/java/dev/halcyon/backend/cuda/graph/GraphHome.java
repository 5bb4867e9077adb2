package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.backend.cuda.kernels.KernelFunctions;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BoundLaunch;

/// What recording needs of the device.
public interface GraphHome {
    /// {@return the device}
    Device device();

    /// {@return where device code is found}
    KernelFunctions functions();

    /// {@return the launch as one of this device's}
    ///
    /// @throws IllegalStateException if it is another's
    BoundLaunch<CudaWork> own(Launch launch);

    /// @throws IllegalArgumentException if the tensor is memory of another device
    void checkOwn(String operation, Tensor tensor);
}

package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.kernels.KernelFunctions;
import dev.halcyon.hal.Device;

/// What capturing a graph needs of the device.
public interface GraphHome {
    /// {@return the device}
    Device device();

    /// {@return where device code is found}
    KernelFunctions functions();

    /// {@return executables that no graph needs any more}
    SpareExecutables spares();
}

package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// Every kernel of the backend, by the field it comes from.
public final class CpuKernels {
    private CpuKernels() {}

    /// Adds all kernels and the weight layouts to a device.
    public static void register(HostDevice.Builder device, CpuContext context) {
        MatrixKernels.register(device, context);
        RowKernels.register(device, context);
        MoeKernels.register(device, context);
        AttentionKernels.register(device, context);
        OptimizerKernels.register(device, context);
    }
}

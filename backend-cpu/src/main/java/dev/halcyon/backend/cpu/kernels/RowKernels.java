package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for elementwise, norm and token kernels.
final class RowKernels {
    private RowKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {}
}

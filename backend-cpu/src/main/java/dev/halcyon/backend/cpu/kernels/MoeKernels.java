package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for routing, dispatch and combination of experts.
final class MoeKernels {
    private MoeKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {}
}

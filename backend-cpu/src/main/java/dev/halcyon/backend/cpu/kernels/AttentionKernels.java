package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for rope, caches and attention.
final class AttentionKernels {
    private AttentionKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {}
}

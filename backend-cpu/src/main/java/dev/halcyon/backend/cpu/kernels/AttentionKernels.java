package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for caches and attention.
final class AttentionKernels {
    private AttentionKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {
        device.kernel(new CacheAppendKernel(context));
        device.kernel(new CacheGatherKernel(context));
        device.kernel(new MlaScheduleKernel(context));
        device.kernel(new MlaDecodeKernel(context));
        device.kernel(new MlaPrefillKernel(context));
        device.kernel(new AttentionMergeKernel(context));
    }
}

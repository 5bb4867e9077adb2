package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for products, weight packing and quantization.
final class MatrixKernels {
    private MatrixKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {
        device.kernel(new GemmKernel(context));
    }
}

package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.CpuLayouts;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for products, weight packing and quantization.
final class MatrixKernels {
    private MatrixKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {
        device.layouts(new CpuLayouts(context.matrix().panelColumns()));
        device.kernel(new GemmKernel(context));
        device.kernel(new GroupedGemmKernel(context));
        device.kernel(new PackWeightKernel(context));
        device.kernel(new QuantizeKernel(context));
        device.kernel(new DequantizeKernel(context));
    }
}

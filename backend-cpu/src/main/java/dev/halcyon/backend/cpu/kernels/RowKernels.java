package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for elementwise, norm and token specs, and for the rotary embedding.
final class RowKernels {
    private RowKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {
        device.kernel(new AxpbyKernel(context));
        device.kernel(new CastKernel(context));
        device.kernel(new CopyKernel(context));
        device.kernel(new FillKernel(context));
        device.kernel(new SwiGluKernel(context));
        device.kernel(new EmbeddingKernel(context));
        device.kernel(new ReduceKernel(context));
        device.kernel(new CrossEntropyKernel(context));
        device.kernel(new RmsNormKernel(context));
        device.kernel(new AddRmsNormKernel(context));
        device.kernel(new LayerNormKernel(context));
        device.kernel(new RopeKernel(context));
        device.kernel(new SampleKernel(context));
    }
}

package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for routing, dispatch and combination of experts.
final class MoeKernels {
    private MoeKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {
        device.kernel(new MoeGateKernel(context));
        device.kernel(new MoeDispatchKernel(context));
        device.kernel(new MoeCombineKernel(context));
        device.kernel(new MoeLayerKernel(context));
        device.kernel(new SwiGluMlpKernel(context));
        device.kernel(new ExpertLoadKernel(context));
        device.kernel(new RouterBiasUpdateKernel(context));
        device.kernel(new BalanceLossKernel(context));
    }
}

package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.host.HostDevice;

/// The kernels for Newton-Schulz, Muon and AdamW.
final class OptimizerKernels {
    private OptimizerKernels() {}

    static void register(HostDevice.Builder device, CpuContext context) {
        device.kernel(new NewtonSchulzKernel(context));
        device.kernel(new AdamWStepKernel(context));
        device.kernel(new MuonStepKernel(context));
        device.kernel(new MuonUpdateKernel(context));
        device.kernel(new QkClipKernel(context));
    }
}

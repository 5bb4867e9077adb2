package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;

/// Runs a launch in scratch memory full of NaN, twice, so that the second run finds what the first
/// one left.
final class PoisonedWorkspace {
    private PoisonedWorkspace() {}

    static <A extends KernelArgs> void runTwice(Device device, KernelSpec<A> spec, A args) {
        try (DeviceArena arena = device.arena("poisoned");
                Stream stream = device.stream("poisoned")) {
            Plan<A> plan = device.plan(spec);
            Workspace workspace = device.workspace(arena, plan);
            workspace.storage().segment().fill((byte) -1);
            Launch launch = plan.bind(arena, args, workspace);
            stream.submit(launch);
            stream.submit(launch);
            stream.synchronize();
        }
    }
}

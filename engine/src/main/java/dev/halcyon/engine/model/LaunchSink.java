package dev.halcyon.engine.model;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;

import java.util.ArrayList;
import java.util.List;

/// Collects kernels with their arguments, and binds them all to one workspace once the largest need
/// is known.
public final class LaunchSink {
    private record Pending<A extends KernelArgs>(Plan<A> plan, A args) {
        Launch bind(DeviceArena arena, Workspace workspace) {
            return plan.bind(arena, args, workspace);
        }
    }

    private final Device device;
    private final List<Pending<?>> pending = new ArrayList<>();

    /// Makes an empty sink for kernels of `device`.
    public LaunchSink(Device device) {
        this.device = device;
    }

    /// Adds a kernel.
    ///
    /// @throws dev.halcyon.hal.error.UnsupportedKernelException if the device declines it
    public <A extends KernelArgs> void add(KernelSpec<A> spec, A args) {
        pending.add(new Pending<>(device.plan(spec), args));
    }

    /// {@return the scratch memory that one launch after the other needs}
    public long workspaceBytes() {
        return pending.stream().mapToLong(p -> p.plan().workspaceBytes()).max().orElse(0);
    }

    /// {@return the launches in the order they were added}
    public List<Launch> bind(DeviceArena arena, Workspace workspace) {
        return pending.stream().map(p -> p.bind(arena, workspace)).toList();
    }
}

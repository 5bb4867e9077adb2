package dev.halcyon.hal.spi;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;

import org.jspecify.annotations.Nullable;

/// Scratch memory of a stream's own, for `run`: made when first needed, larger when more is needed.
///
/// *Threads.* Belongs to the stream, so to one thread at a time.
public final class StreamWorkspace implements AutoCloseable {
    private final Device device;
    private final String label;
    private @Nullable DeviceArena arena;
    private @Nullable Workspace workspace;

    /// Makes the workspace of a stream, without memory yet.
    public StreamWorkspace(Device device, String stream) {
        this.device = device;
        this.label = "workspace of stream \"" + stream + "\"";
    }

    /// {@return a launch of `spec`, planned and bound to this workspace; good until the next call}
    public <A extends KernelArgs> Launch bind(KernelSpec<A> spec, A args) {
        Plan<A> plan = device.plan(spec);
        Workspace enough = enough(plan.workspaceBytes());
        return plan.bind(enough.storage().arena(), args, enough);
    }

    private Workspace enough(long bytes) {
        DeviceArena own = arena;
        if (own == null) {
            own = device.arena(label);
            arena = own;
        }
        Workspace held = workspace;
        if (held == null || held.byteSize() < bytes) {
            own.reset();
            held = new Workspace(own.tensor(DType.U8, Math.max(bytes, 1)));
            workspace = held;
        }
        return held;
    }

    /// Gives the memory back.
    @Override
    public void close() {
        if (arena != null) {
            arena.close();
        }
    }
}

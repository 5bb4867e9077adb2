package dev.halcyon.hal.spi;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;
import java.util.LinkedHashSet;
import java.util.Set;

/// The plan of any backend: it runs every check at `bind` and leaves the rest to the decision's binder.
///
/// @param <A> the spec's arguments
/// @param <W> the backend's type of bound work
/// @param spec what is computed
/// @param device the device that decided
/// @param decision how
public record BackendPlan<A extends KernelArgs, W>(
        KernelSpec<A> spec, Device device, Decision.Planned<A, W> decision) implements Plan<A> {
    @Override
    public Support.Native support() {
        return decision.support();
    }

    @Override
    public long workspaceBytes() {
        return decision.workspaceBytes();
    }

    @Override
    public Launch bind(DeviceArena arena, A args, Workspace workspace) {
        String kernel = spec.name();
        checkHome(kernel, arena, workspace);
        try {
            spec.validate(args);
        } catch (IllegalArgumentException invalid) {
            throw new IllegalArgumentException(kernel + ": " + invalid.getMessage(), invalid);
        }
        Operands operands = spec.operands(args);
        Operands checked =
                workspaceBytes() == 0 ? operands : spec.operands(args).write("workspace", workspace.storage());
        BindChecks.check(kernel, device, checked);
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        arenas.add(arena);
        arenas.add(workspace.storage().arena());
        for (Operands.Access access : operands.accesses()) {
            Operands.forEachTensor(access.operand(), access.name(), (name, tensor) -> arenas.add(tensor.arena()));
        }
        W work = decision.binder().bind(args, workspace.storage());
        return new BoundLaunch<>(this, work, spec.cost(args), arenas, workspace);
    }

    private void checkHome(String kernel, DeviceArena arena, Workspace workspace) {
        if (!arena.isAlive()) {
            throw new IllegalStateException(kernel + ": the arena \"" + arena.label() + "\" for the launch is closed");
        }
        if (arena.device() != device || workspace.storage().arena().device() != device) {
            throw new IllegalArgumentException(kernel + ": the launch's arena and workspace must be of "
                    + device.description().id());
        }
        if (workspace.byteSize() < workspaceBytes()) {
            throw new IllegalArgumentException(kernel + ": the workspace has " + workspace.byteSize()
                    + " bytes, the plan needs " + workspaceBytes() + "; make it with device.workspace(arena, plans)");
        }
    }
}

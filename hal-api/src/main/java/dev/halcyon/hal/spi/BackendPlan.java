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

/// The plan of any backend: it runs every check at `bind` and leaves the rest to the decision's
/// binder.
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
        Operands operands = spec.operands(args);
        if (workspaceBytes() > 0) {
            operands.write("workspace", workspace.storage());
        }
        // Epochs first: what goes stale during the checks then makes a stale launch instead of a
        // wrong one.
        ArenaEpochs arenas = ArenaEpochs.now(arenasOf(operands, arena, workspace));
        checkHome(kernel, arena, workspace);
        W work;
        try {
            spec.validate(args);
            BindChecks.check(device, operands);
            work = decision.binder().bind(args, workspace.storage());
        } catch (IllegalArgumentException invalid) {
            throw new IllegalArgumentException(kernel + ": " + invalid.getMessage(), invalid);
        } catch (IllegalStateException stale) {
            throw new IllegalStateException(kernel + ": " + stale.getMessage(), stale);
        }
        return new BoundLaunch<>(this, work, spec.cost(args), operands, arenas, workspace);
    }

    private static Set<DeviceArena> arenasOf(
            Operands operands, DeviceArena arena, Workspace workspace) {
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        arenas.add(arena);
        arenas.add(workspace.storage().arena());
        for (Operands.Access access : operands.accesses()) {
            Operands.forEachTensor(
                    access.operand(), access.name(), (name, tensor) -> arenas.add(tensor.arena()));
        }
        return arenas;
    }

    /// A device is itself and no other, whatever its name.
    @SuppressWarnings("ReferenceEquality")
    private void checkHome(String kernel, DeviceArena arena, Workspace workspace) {
        if (!arena.isAlive()) {
            throw new IllegalStateException(
                    kernel
                            + ": the arena \""
                            + arena.label()
                            + "\" for the launch is closed; bind in one that is open");
        }
        if (arena.device() != device || workspace.storage().arena().device() != device) {
            throw new IllegalArgumentException(
                    kernel
                            + ": the launch's arena is of "
                            + arena.device().description().id()
                            + " and its workspace of "
                            + workspace.storage().arena().device().description().id()
                            + "; both must be of this device, "
                            + device.description().id());
        }
        if (!workspace.storage().isAlive()) {
            throw new IllegalStateException(
                    kernel
                            + ": the workspace is stale: its arena \""
                            + workspace.storage().arena().label()
                            + "\" was closed or reset; make another with device.workspace");
        }
        if (workspace.byteSize() < workspaceBytes()) {
            throw new IllegalArgumentException(
                    kernel
                            + ": the workspace has "
                            + workspace.byteSize()
                            + " bytes, the plan needs "
                            + workspaceBytes()
                            + "; make it with device.workspace(arena, plans)");
        }
    }
}

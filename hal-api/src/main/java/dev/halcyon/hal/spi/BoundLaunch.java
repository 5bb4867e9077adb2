package dev.halcyon.hal.spi;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/// The launch of any backend: the bound work, and the arenas it must find as they were.
///
/// @param <W> the backend's type of bound work
public final class BoundLaunch<W> implements Launch {
    private final BackendPlan<?, W> plan;
    private final W work;
    private final Cost cost;
    private final DeviceArena[] arenas;
    private final long[] epochs;
    private final Workspace workspace;
    private final AtomicBoolean inFlight = new AtomicBoolean();

    BoundLaunch(BackendPlan<?, W> plan, W work, Cost cost, Set<DeviceArena> arenas, Workspace workspace) {
        this.plan = plan;
        this.work = work;
        this.cost = cost;
        this.arenas = arenas.toArray(DeviceArena[]::new);
        this.epochs = new long[this.arenas.length];
        for (int i = 0; i < epochs.length; i++) {
            epochs[i] = this.arenas[i].epoch();
        }
        this.workspace = workspace;
    }

    @Override
    public Plan<?> plan() {
        return plan;
    }

    @Override
    public Cost cost() {
        return cost;
    }

    /// {@return the backend's work}
    public W work() {
        return work;
    }

    /// {@return the scratch memory it was bound to}
    public Workspace workspace() {
        return workspace;
    }

    /// {@return the number of arenas involved}
    public int arenaCount() {
        return arenas.length;
    }

    /// {@return an arena involved}
    public DeviceArena arena(int index) {
        return arenas[index];
    }

    /// {@return the epoch that arena had at `bind`}
    public long epoch(int index) {
        return epochs[index];
    }

    @Override
    public boolean isAlive() {
        for (int i = 0; i < arenas.length; i++) {
            if (arenas[i].epoch() != epochs[i]) {
                return false;
            }
        }
        return true;
    }

    /// {@return the label of the first arena that is not as it was, for messages}
    public String staleArena() {
        for (int i = 0; i < arenas.length; i++) {
            if (arenas[i].epoch() != epochs[i]) {
                return arenas[i].label();
            }
        }
        return "";
    }

    /// Claims the launch for one stream.
    ///
    /// @throws IllegalStateException if it is in flight already
    public void enter() {
        if (!inFlight.compareAndSet(false, true)) {
            throw new IllegalStateException("this launch of " + plan.spec().name()
                    + " is in flight on another stream; bind one launch per stream");
        }
    }

    /// Gives the launch back.
    public void leave() {
        inFlight.set(false);
    }
}

package dev.halcyon.hal.spi;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Workspace;

import java.util.concurrent.atomic.AtomicBoolean;

/// The launch of any backend: the bound work, and the arenas it must find as they were.
///
/// @param <W> the backend's type of bound work
public final class BoundLaunch<W> implements Launch {
    private final BackendPlan<?, W> plan;
    private final W work;
    private final Cost cost;
    private final Operands operands;
    private final ArenaEpochs arenas;
    private final Workspace workspace;
    private final AtomicBoolean inFlight = new AtomicBoolean();

    BoundLaunch(
            BackendPlan<?, W> plan,
            W work,
            Cost cost,
            Operands operands,
            ArenaEpochs arenas,
            Workspace workspace) {
        this.plan = plan;
        this.work = work;
        this.cost = cost;
        this.operands = operands;
        this.arenas = arenas;
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

    /// {@return what it reads and writes, the workspace included if it needs any}
    public Operands operands() {
        return operands;
    }

    /// {@return the scratch memory it was bound to}
    public Workspace workspace() {
        return workspace;
    }

    /// {@return the arenas involved, as they were at `bind`}
    public ArenaEpochs arenas() {
        return arenas;
    }

    @Override
    public boolean isAlive() {
        return arenas.areCurrent();
    }

    /// Claims the launch for one stream.
    ///
    /// @throws IllegalStateException if it is in flight already
    public void enter() {
        if (!inFlight.compareAndSet(false, true)) {
            throw new IllegalStateException(
                    "this launch of "
                            + plan.spec().name()
                            + " is in flight on another stream; bind one launch per stream");
        }
    }

    /// Gives the launch back.
    public void leave() {
        inFlight.set(false);
    }
}

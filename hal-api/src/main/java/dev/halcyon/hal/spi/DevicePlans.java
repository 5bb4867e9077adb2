package dev.halcyon.hal.spi;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Workspace;

import java.util.SortedSet;

/// The plans of a device: what its kernels decide, each asked once.
///
/// *Threads.* Usable from any thread.
///
/// @param <W> the backend's type of bound work
public final class DevicePlans<W> {
    private final Device device;
    private final KernelRegistry<W> registry;
    private final PlanCache cache;

    /// Makes the plans of a device, none yet.
    ///
    /// @param size most plans kept
    public DevicePlans(Device device, KernelRegistry<W> registry, int size) {
        this.device = device;
        this.registry = registry;
        this.cache = new PlanCache(size);
    }

    /// {@return the decision that [#plan] would act on}
    public <A extends KernelArgs> Support supports(KernelSpec<A> spec, Limits limits) {
        return registry.decide(spec, limits).support();
    }

    /// {@return the plan of a spec, from the cache where it is there}
    ///
    /// @throws UnsupportedKernelException if the device declines the spec
    // The cache is keyed by the spec, whose type fixes the plan's.
    @SuppressWarnings("unchecked")
    public <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec, Limits limits) {
        return (Plan<A>) cache.get(spec, limits, () -> make(spec, limits));
    }

    private <A extends KernelArgs> Plan<A> make(KernelSpec<A> spec, Limits limits) {
        return switch (registry.decide(spec, limits)) {
            case Decision.Planned<A, W> planned -> new BackendPlan<>(spec, device, planned);
            case Decision.Refused<A, W> refused ->
                    throw new UnsupportedKernelException(
                            Failure.of(
                                    device.description().id(),
                                    "plan " + spec.name(),
                                    refused.support().reason() + ": " + refused.support().detail(),
                                    "what would work: " + refused.support().whatWouldWork()));
        };
    }

    /// {@return scratch memory in `arena` that is enough for each of `needed`}
    ///
    /// @throws IllegalArgumentException if a plan is of another device
    public Workspace workspace(DeviceArena arena, Plan<?>... needed) {
        long bytes = 0;
        for (Plan<?> plan : needed) {
            if (plan.device() != device) {
                throw new IllegalArgumentException(
                        "a plan of "
                                + plan.device().description().id()
                                + " in a workspace of "
                                + device.description().id());
            }
            bytes = Math.max(bytes, plan.workspaceBytes());
        }
        new Belonging<W>(device).check("workspace", arena);
        return new Workspace(arena.tensor(DType.U8, bytes));
    }

    /// {@return the names of all implementations}
    public SortedSet<String> implementations() {
        return registry.implementations();
    }

    /// {@return the cache, for its counts}
    public PlanCache cache() {
        return cache;
    }
}

package dev.halcyon.hal.spi;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;

/// The kernels of a backend by spec class; it takes the decision that `supports` and `plan` report.
///
/// A spec without a kernel, or that its kernel declines, runs by its default lowering where all the
/// finer specs run. Filled while a backend opens, read-only and usable from any thread afterwards.
///
/// @param <W> the backend's type of bound work
public final class KernelRegistry<W> {
    private final Map<Class<?>, Kernel<?, ?, W>> kernels = new HashMap<>();
    private final Function<List<W>, W> inOrder;

    /// Makes an empty registry.
    ///
    /// @param inOrder makes one piece of work of several that run one after the other
    public KernelRegistry(Function<List<W>, W> inOrder) {
        this.inOrder = inOrder;
    }

    /// Adds a kernel.
    ///
    /// @throws IllegalStateException if its spec class has one already
    public KernelRegistry<W> register(Kernel<?, ?, W> kernel) {
        Kernel<?, ?, W> earlier = kernels.putIfAbsent(kernel.specType(), kernel);
        if (earlier != null) {
            throw new IllegalStateException(
                    kernel.specType().getSimpleName()
                            + " has a kernel already: "
                            + earlier.getClass().getName());
        }
        return this;
    }

    /// {@return the names of all implementations}
    public SortedSet<String> implementations() {
        SortedSet<String> names = new TreeSet<>();
        kernels.values().forEach(kernel -> names.addAll(kernel.implementations()));
        return names;
    }

    /// {@return how a spec runs, or why it does not}
    public <A extends KernelArgs> Decision<A, W> decide(KernelSpec<A> spec, Limits limits) {
        Decision<A, W> decision = decideByKernelOrLowering(spec, limits);
        if (spec.batchInvariant()
                && decision instanceof Decision.Planned<A, W> planned
                && !planned.support().numerics().batchInvariant()) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    planned.support().implementation()
                            + " does not promise the batch invariance that "
                            + spec.name()
                            + " asks for",
                    "the spec without batchInvariant");
        }
        return decision;
    }

    private <A extends KernelArgs> Decision<A, W> decideByKernelOrLowering(
            KernelSpec<A> spec, Limits limits) {
        return switch (decideByKernel(spec, limits)) {
            case Decision.Planned<A, W> own -> withinLimits(spec, own, limits);
            case Decision.Refused<A, W> own -> {
                Optional<Lowering<A>> lowering = spec.lowering();
                yield lowering.isEmpty() || isFinal(own.support())
                        ? own
                        : LoweredDecision.of(
                                this, spec, lowering.get(), own.support(), limits, inOrder);
            }
        };
    }

    private static <A extends KernelArgs, W> Decision<A, W> withinLimits(
            KernelSpec<A> spec, Decision.Planned<A, W> planned, Limits limits) {
        return planned.workspaceBytes() <= limits.workspaceBytes()
                ? planned
                : Decision.refused(
                        Support.Reason.WORKSPACE,
                        spec.name()
                                + " needs a workspace of "
                                + planned.workspaceBytes()
                                + " bytes, the limit is "
                                + limits.workspaceBytes(),
                        "allow at least " + planned.workspaceBytes() + " bytes");
    }

    /// A newer spec means something its lowering may not say either.
    private static boolean isFinal(Support.Declined declined) {
        return declined.reason() == Support.Reason.SPEC_NEWER_THAN_BACKEND;
    }

    private <A extends KernelArgs> Decision<A, W> decideByKernel(
            KernelSpec<A> spec, Limits limits) {
        Kernel<KernelSpec<A>, A, W> kernel = find(spec);
        if (kernel == null) {
            return Decision.refused(
                    Support.Reason.NO_KERNEL,
                    "this backend has no kernel for " + spec.name(),
                    "another device");
        }
        if (spec.revision() > kernel.revision()) {
            return Decision.refused(
                    Support.Reason.SPEC_NEWER_THAN_BACKEND,
                    spec.name()
                            + " uses revision "
                            + spec.revision()
                            + " of its spec, the kernel knows "
                            + kernel.revision(),
                    "a newer version of the backend");
        }
        return kernel.decide(spec, limits);
    }

    /// Registration keyed by the spec's own class makes the cast safe.
    @SuppressWarnings("unchecked")
    private <A extends KernelArgs> @Nullable Kernel<KernelSpec<A>, A, W> find(KernelSpec<A> spec) {
        return (Kernel<KernelSpec<A>, A, W>) kernels.get(spec.getClass());
    }
}

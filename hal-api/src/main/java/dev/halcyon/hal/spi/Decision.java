package dev.halcyon.hal.spi;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.Tensor;

/// What a kernel decides about a spec: how it will run it, or why it will not.
///
/// @param <A> the spec's arguments
/// @param <W> the backend's type of bound work
public sealed interface Decision<A extends KernelArgs, W> {
    /// The spec will run.
    ///
    /// @param support which implementation, and what it promises
    /// @param workspaceBytes scratch memory a launch needs
    /// @param binder turns checked arguments into work
    record Planned<A extends KernelArgs, W>(
            Support.Native support, long workspaceBytes, Binder<A, W> binder)
            implements Decision<A, W> {}

    /// The spec will not run.
    ///
    /// @param support why
    record Refused<A extends KernelArgs, W>(Support.Declined support) implements Decision<A, W> {}

    /// Turns arguments that passed every check into work.
    @FunctionalInterface
    interface Binder<A extends KernelArgs, W> {
        /// {@return the work}
        ///
        /// @param workspace U8 scratch of at least the planned size, aligned to 64 bytes
        W bind(A args, Tensor workspace);
    }

    /// {@return the answer for `device.supports`}
    default Support support() {
        return switch (this) {
            case Planned<A, W> planned -> planned.support();
            case Refused<A, W> refused -> refused.support();
        };
    }

    /// {@return a plan with an implementation of its own that can be captured into graphs}
    static <A extends KernelArgs, W> Decision<A, W> planned(
            Implementation implementation,
            Numerics numerics,
            long workspaceBytes,
            Binder<A, W> binder) {
        return new Planned<>(
                new Support.Native(implementation, numerics, true, false), workspaceBytes, binder);
    }

    /// {@return a refusal}
    static <A extends KernelArgs, W> Decision<A, W> refused(
            Support.Reason reason, String detail, String whatWouldWork) {
        return new Refused<>(new Support.Declined(reason, detail, whatWouldWork));
    }
}

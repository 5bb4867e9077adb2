package dev.halcyon.hal;

import java.util.Objects;

/// A device's answer to a spec: it has an implementation, or it declines and says why.
///
/// The answer is the decision that `plan` takes, not a guess at it.
public sealed interface Support {
    /// The device runs the spec, by a kernel of its own or as the finer operations of its lowering;
    /// on no other device.
    ///
    /// @param implementation which implementation it takes
    /// @param numerics what that implementation promises
    /// @param capturable whether its launches may be recorded into a graph
    /// @param lowered whether the spec runs as the finer operations of its default lowering
    record Native(
            Implementation implementation, Numerics numerics, boolean capturable, boolean lowered)
            implements Support {
        public Native {
            Objects.requireNonNull(implementation, "implementation");
            Objects.requireNonNull(numerics, "numerics");
        }
    }

    /// The device does not run the spec.
    ///
    /// @param reason the kind of obstacle
    /// @param detail the obstacle, with names and values
    /// @param whatWouldWork the nearest spec that the device would take
    record Declined(Reason reason, String detail, String whatWouldWork) implements Support {
        public Declined {
            Objects.requireNonNull(reason, "reason");
            Objects.requireNonNull(detail, "detail");
            Objects.requireNonNull(whatWouldWork, "whatWouldWork");
        }

        /// {@return reason, detail and remedy in one line}
        @Override
        public String toString() {
            return reason + ": " + detail + (whatWouldWork.isEmpty() ? "" : "; " + whatWouldWork);
        }
    }

    /// Why a device declines.
    enum Reason {
        /// The backend has no kernel for this spec class.
        NO_KERNEL,
        /// The spec uses a later revision than the backend knows.
        SPEC_NEWER_THAN_BACKEND,
        /// An operand's element type or weight format is not supported.
        FORMAT,
        /// A dimension or a combination of dimensions is not supported.
        SHAPE,
        /// The accumulate type, batch invariance or another numeric promise cannot be kept.
        NUMERICS,
        /// The workspace limit is below the implementation's minimum.
        WORKSPACE,
        /// The hardware or its software lacks something; the detail names it.
        HARDWARE
    }

    /// {@return whether the device runs the spec}
    default boolean isNative() {
        return this instanceof Native;
    }
}

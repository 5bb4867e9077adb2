package dev.halcyon.hal;

import java.util.Objects;
import java.util.Optional;

/// Whether a plan may run on another device when this one declines; the default is that it may not.
///
/// A plan that falls back copies its operands both ways at every submit, synchronises, and is not
/// capturable; each use is counted in [Counters#fallbacks()], logged once per kernel and reported
/// as a JFR event.
///
/// @param target the device to fall back to, if any
public record FallbackPolicy(Optional<Device> target) {
    /// No fallback: a declined spec is an error.
    public static final FallbackPolicy NONE = new FallbackPolicy(Optional.empty());

    public FallbackPolicy {
        Objects.requireNonNull(target, "target");
    }

    /// {@return the policy that runs what this device declines on `device`}
    public static FallbackPolicy allow(Device device) {
        return new FallbackPolicy(Optional.of(device));
    }
}

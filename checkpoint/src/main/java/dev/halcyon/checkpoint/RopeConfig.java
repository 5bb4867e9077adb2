package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

/// How positions rotate queries and keys; pairs are neighbours (interleaved) in every family read
/// here.
///
/// @param theta `rope_theta`, the base of the frequencies
/// @param yarn the extension, or null for plain rotary positions
public record RopeConfig(double theta, @Nullable YarnConfig yarn) {
    /// @throws IllegalArgumentException if theta is not above 1 or larger than 10^12
    public RopeConfig {
        ConfigBounds.number("rope_theta", theta, 1, 1e12);
    }

    /// The factor on the softmax scale, 1 without an extension.
    public double softmaxMagnitude() {
        return yarn == null ? 1 : yarn.softmaxMagnitude();
    }

    /// The factor on cosine and sine, 1 without an extension.
    public double rotationMagnitude() {
        return yarn == null ? 1 : yarn.rotationMagnitude();
    }
}

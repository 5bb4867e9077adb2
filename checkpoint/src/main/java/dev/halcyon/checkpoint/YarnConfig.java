package dev.halcyon.checkpoint;

/// The YaRN extension of rotary positions. (Source: DeepSeek-V3 inference/model.py,
/// precompute_freqs_cis.)
///
/// @param factor by how much the context was extended
/// @param originalPositions `original_max_position_embeddings`, the context before
/// @param betaFast rotations above which a frequency is kept
/// @param betaSlow rotations below which a frequency is divided by the factor
/// @param mscale weight of the magnitude applied to cosine and sine
/// @param mscaleAllDim weight of the magnitude applied to the softmax scale
public record YarnConfig(
        double factor,
        int originalPositions,
        double betaFast,
        double betaSlow,
        double mscale,
        double mscaleAllDim) {
    /// What the models' code assumes where a configuration is silent.
    static final int DEFAULT_ORIGINAL_POSITIONS = 4096;

    static final double DEFAULT_BETA_FAST = 32;
    static final double DEFAULT_BETA_SLOW = 1;
    static final double DEFAULT_MSCALE = 1;
    static final double DEFAULT_MSCALE_ALL_DIM = 0;

    /// @throws IllegalArgumentException if a number is out of bounds
    public YarnConfig {
        if (!(factor >= 1 && factor <= 1e6)) {
            throw new IllegalArgumentException(
                    "rope_scaling.factor is " + factor + ", not in 1 to 1000000");
        }
        ConfigBounds.check(
                "rope_scaling.original_max_position_embeddings",
                originalPositions,
                1,
                ConfigBounds.MOST_POSITIONS);
        ConfigBounds.number("rope_scaling.beta_fast", betaFast, 0, 1e6);
        ConfigBounds.number("rope_scaling.beta_slow", betaSlow, 0, betaFast);
        magnitudeWeight("rope_scaling.mscale", mscale);
        magnitudeWeight("rope_scaling.mscale_all_dim", mscaleAllDim);
    }

    private static void magnitudeWeight(String key, double value) {
        if (!(value >= 0 && value <= 100)) {
            throw new IllegalArgumentException(key + " is " + value + ", not in 0 to 100");
        }
    }

    /// The factor on cosine and sine, 1 in every published configuration.
    public double rotationMagnitude() {
        return magnitude(mscale) / magnitude(mscaleAllDim);
    }

    /// The factor on the softmax scale, `m(factor, mscale_all_dim)^2`.
    public double softmaxMagnitude() {
        double magnitude = magnitude(mscaleAllDim);
        return magnitude * magnitude;
    }

    private double magnitude(double weight) {
        return 0.1 * weight * Math.log(factor) + 1.0;
    }
}

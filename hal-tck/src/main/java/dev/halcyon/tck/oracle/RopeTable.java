package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// The frequencies of a rotary position embedding: one angle per pair of values, `position *
/// frequency`.
///
/// Source: Su et al., "RoFormer" (2021), `θ^(-2i/d)`; for YaRN, DeepSeek-V3 inference/model.py,
/// `precompute_freqs_cis`. YaRN is always applied when it is given, as checkpoints expect, not only
/// for sequences beyond the original length.
public final class RopeTable {
    private final double[] inverseFrequencies;
    private final double attentionFactor;

    private RopeTable(double[] inverseFrequencies, double attentionFactor) {
        this.inverseFrequencies = inverseFrequencies;
        this.attentionFactor = attentionFactor;
    }

    /// The table for `dim` rotated values (`dim / 2` pairs), with or without YaRN.
    ///
    /// @throws IllegalArgumentException if `dim` is odd or not positive
    public static RopeTable of(int dim, double theta, @Nullable Yarn yarn) {
        if (dim < 2 || dim % 2 != 0) {
            throw new IllegalArgumentException(
                    "a rotary embedding rotates pairs, got " + dim + " values");
        }
        double[] frequencies = new double[dim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1 / Math.pow(theta, 2.0 * i / dim);
        }
        if (yarn == null) {
            return new RopeTable(frequencies, 1);
        }
        double low = Math.max(Math.floor(correctionDim(yarn.betaFast(), dim, theta, yarn)), 0);
        double high =
                Math.min(Math.ceil(correctionDim(yarn.betaSlow(), dim, theta, yarn)), dim - 1);
        if (low == high) {
            high += 0.001;
        }
        for (int i = 0; i < frequencies.length; i++) {
            double ramp = Math.clamp((i - low) / (high - low), 0.0, 1.0);
            frequencies[i] = frequencies[i] / yarn.factor() * ramp + frequencies[i] * (1 - ramp);
        }
        return new RopeTable(frequencies, yarn.attentionFactor());
    }

    /// The pair index whose frequency makes `rotations` turns over the original length: `d ln(L /
    /// (2π r)) / (2 ln θ)`.
    private static double correctionDim(double rotations, int dim, double theta, Yarn yarn) {
        return dim
                * Math.log(yarn.originalLength() / (rotations * 2 * Math.PI))
                / (2 * Math.log(theta));
    }

    /// Number of rotated values.
    public int dim() {
        return 2 * inverseFrequencies.length;
    }

    /// A copy of the frequencies, radians per position.
    public double[] inverseFrequencies() {
        return inverseFrequencies.clone();
    }

    /// Cosine of pair `pair` at `position`, times the attention factor.
    public double cos(long position, int pair) {
        return Math.cos(position * inverseFrequencies[pair]) * attentionFactor;
    }

    /// Sine of pair `pair` at `position`, times the attention factor.
    public double sin(long position, int pair) {
        return Math.sin(position * inverseFrequencies[pair]) * attentionFactor;
    }
}

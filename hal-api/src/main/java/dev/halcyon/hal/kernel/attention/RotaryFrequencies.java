package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Require;

/// The angles of a rotary embedding, plain or stretched by YaRN: pair `i` of a token at position
/// `p` turns by `p · inverseFrequency(i)`.
///
/// Plain, `inverseFrequency(i)` is `theta^(-2i / dim)`. YaRN divides the slow pairs by `factor`,
/// leaves the fast ones, and blends between them, where `c(r)` is the pair that turns r times in
/// the original context:
///
/// ```
/// c(r) = dim · ln(originalContext / (2π r)) / (2 ln theta)
/// low  = max(floor(c(betaFast)), 0)
/// high = min(ceil(c(betaSlow)), dim - 1), plus 0.001 if equal to low
/// ramp = clamp((i - low) / (high - low), 0, 1)
/// inverseFrequency(i) = theta^(-2i / dim) · (ramp / factor + 1 - ramp)
/// ```
///
/// A checkpoint trained with YaRN is meant to run with it always, not only beyond the original
/// context.
///
/// With `m(a) = 0.1 · a · ln(factor) + 1`, cosines and sines are multiplied by [#magnitude()] and
/// logits by [#softmaxFactor()]. The `mscale` of a configuration that does not name one is 0 here,
/// and `m(0) = 1`.
///
/// Source: DeepSeek-V3 `inference/model.py` (precompute_freqs_cis, MLA).
///
/// @param dim rotated values of a head, an even number
/// @param theta base of the geometric sequence of frequencies
/// @param factor how far YaRN stretches the context; 1 for a plain embedding
/// @param originalContext tokens of the context before stretching; 0 for a plain embedding
/// @param betaFast turns in the original context above which a pair is left alone; 0 for a plain
///   embedding
/// @param betaSlow turns in the original context below which a pair is stretched in full; 0 for a
///   plain embedding
/// @param mscale raises cosines and sines; 0 for not at all
/// @param mscaleAllDim raises logits, and lowers cosines and sines; 0 for not at all
public record RotaryFrequencies(
        int dim,
        double theta,
        double factor,
        int originalContext,
        double betaFast,
        double betaSlow,
        double mscale,
        double mscaleAllDim) {
    public RotaryFrequencies {
        Require.positive("dim", dim);
        Require.that(dim % 2 == 0, "dim must be even, for values turn in pairs, not " + dim);
        Require.that(
                theta > 1 && Double.isFinite(theta),
                "theta must be a finite number above 1, not " + theta);
        Require.that(
                factor >= 1 && Double.isFinite(factor),
                "factor must be a finite number of at least 1, not " + factor);
        Require.finite("mscale", mscale);
        Require.finite("mscaleAllDim", mscaleAllDim);
        if (factor == 1) {
            // Nothing is stretched then, and embeddings that turn alike must be one cache key.
            originalContext = 0;
            betaFast = 0;
            betaSlow = 0;
            mscale = 0;
            mscaleAllDim = 0;
        } else {
            Require.positive("originalContext", originalContext);
            Require.positive("betaSlow", betaSlow);
            Require.positive("betaFast", betaFast);
            Require.that(
                    betaFast >= betaSlow,
                    "betaFast must be at least betaSlow, which is "
                            + betaSlow
                            + ", not "
                            + betaFast);
        }
    }

    /// {@return frequencies that no YaRN has touched}
    public static RotaryFrequencies plain(int dim, double theta) {
        return new RotaryFrequencies(dim, theta, 1, 0, 0, 0, 0, 0);
    }

    /// {@return frequencies stretched by YaRN, without mscale}
    public static RotaryFrequencies yarn(
            int dim,
            double theta,
            double factor,
            int originalContext,
            double betaFast,
            double betaSlow) {
        return new RotaryFrequencies(dim, theta, factor, originalContext, betaFast, betaSlow, 0, 0);
    }

    /// {@return frequencies stretched by YaRN}
    public static RotaryFrequencies yarn(
            int dim,
            double theta,
            double factor,
            int originalContext,
            double betaFast,
            double betaSlow,
            double mscale,
            double mscaleAllDim) {
        return new RotaryFrequencies(
                dim, theta, factor, originalContext, betaFast, betaSlow, mscale, mscaleAllDim);
    }

    /// {@return these frequencies with other magnitudes}
    public RotaryFrequencies withMscale(double scale, double allDim) {
        return new RotaryFrequencies(
                dim, theta, factor, originalContext, betaFast, betaSlow, scale, allDim);
    }

    /// {@return whether the context is stretched}
    public boolean isStretched() {
        return factor > 1;
    }

    /// {@return the angle by which pair `i` turns from one position to the next}
    ///
    /// @throws IllegalArgumentException if there is no such pair
    public double inverseFrequency(int i) {
        Require.between("i", i, 0, dim / 2 - 1);
        double plain = Math.pow(theta, -2.0 * i / dim);
        if (!isStretched()) {
            return plain;
        }
        double low = rampStart();
        double ramp = Math.clamp((i - low) / (rampEnd() - low), 0.0, 1.0);
        return plain / factor * ramp + plain * (1 - ramp);
    }

    /// {@return `low`: pairs up to here are left alone; 0 for a plain embedding}
    public double rampStart() {
        return isStretched() ? Math.max(Math.floor(pairThatTurns(betaFast)), 0) : 0;
    }

    /// {@return `high`: pairs from here on are stretched in full; 0 for a plain embedding}
    public double rampEnd() {
        if (!isStretched()) {
            return 0;
        }
        double high = Math.min(Math.ceil(pairThatTurns(betaSlow)), dim - 1);
        return high == rampStart() ? high + 0.001 : high;
    }

    private double pairThatTurns(double turns) {
        return dim * Math.log(originalContext / (2 * Math.PI * turns)) / (2 * Math.log(theta));
    }

    /// {@return what cosines and sines are multiplied by: `m(mscale) / m(mscaleAllDim)`}
    public double magnitude() {
        return m(mscale) / m(mscaleAllDim);
    }

    /// {@return what the softmax scale is multiplied by, nope and rope parts alike:
    /// `m(mscaleAllDim)²`}
    public double softmaxFactor() {
        return m(mscaleAllDim) * m(mscaleAllDim);
    }

    private double m(double scale) {
        return 0.1 * scale * Math.log(factor) + 1;
    }
}

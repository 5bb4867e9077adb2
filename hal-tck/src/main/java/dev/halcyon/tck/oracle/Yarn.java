package dev.halcyon.tck.oracle;

/// The parameters of YaRN, the change of rotary frequencies that stretches a model to longer
/// contexts.
///
/// Source: DeepSeek-V3 inference/model.py, `precompute_freqs_cis`; Peng et al., "YaRN" (2023).
///
/// @param factor how many times longer the context becomes
/// @param originalLength context length of the pre-training, tokens
/// @param betaFast rotations over the original length above which a frequency is kept
/// @param betaSlow rotations over the original length below which a frequency is divided by
///   `factor`
/// @param mscale strength of the cos/sin multiplier's numerator
/// @param mscaleAllDim strength of its denominator, and of the softmax scale's correction
public record Yarn(
        double factor,
        double originalLength,
        double betaFast,
        double betaSlow,
        double mscale,
        double mscaleAllDim) {
    /// Rejects a factor or length that has no logarithm.
    ///
    /// @throws IllegalArgumentException if `factor` or `originalLength` is not positive
    public Yarn {
        if (!(factor > 0) || !(originalLength > 0)) {
            throw new IllegalArgumentException(
                    "YaRN needs a positive factor and original length, got "
                            + factor
                            + " and "
                            + originalLength);
        }
    }

    /// The frequency ramp alone, with cos, sin and softmax left as they are (DeepSeek-V4).
    public static Yarn withoutMscale(
            double factor, double originalLength, double betaFast, double betaSlow) {
        return new Yarn(factor, originalLength, betaFast, betaSlow, 0, 0);
    }

    /// `m(a) = 0.1 a ln(factor) + 1`, or 1 when the context is not stretched.
    public double magnitude(double strength) {
        return factor > 1 ? 0.1 * strength * Math.log(factor) + 1 : 1;
    }

    /// What cos and sin are multiplied by: `m(mscale) / m(mscaleAllDim)`, 1 in every released
    /// configuration.
    public double attentionFactor() {
        return magnitude(mscale) / magnitude(mscaleAllDim);
    }

    /// What the whole attention logit, nope and rope part alike, is multiplied by:
    /// `m(mscaleAllDim)²`.
    public double softmaxFactor() {
        return magnitude(mscaleAllDim) * magnitude(mscaleAllDim);
    }
}

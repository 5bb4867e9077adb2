package dev.halcyon.hal.kernel.attention;

/// Frequencies.
public record RotaryFrequencies(int dim, double theta, double factor, int originalContext, double betaFast, double betaSlow, double mscale, double mscaleAllDim) {
    /// {@return plain}
    public static RotaryFrequencies plain(int dim, double theta) { return new RotaryFrequencies(dim, theta, 1, 0, 0, 0, 0, 0); }

    /// {@return yarn}
    public static RotaryFrequencies yarn(int dim, double theta, double factor, int originalContext, double betaFast, double betaSlow, double mscale, double mscaleAllDim) {
        return new RotaryFrequencies(dim, theta, factor, originalContext, betaFast, betaSlow, mscale, mscaleAllDim);
    }

    /// {@return frequency}
    public double inverseFrequency(int i) { return 1; }

    /// {@return magnitude}
    public double magnitude() { return 1; }

    /// {@return factor}
    public double softmaxFactor() { return 1; }
}

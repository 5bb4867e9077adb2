package dev.halcyon.tck.oracle;

/// The softmax and its logarithm, shifted by the maximum so that nothing overflows.
public final class Softmax {
    private Softmax() {}

    /// `log Σ exp(x[offset .. offset + length - 1])`, natural; negative infinity of nothing or of
    /// nothing but negative infinities.
    public static double logSumExp(double[] x, int offset, int length) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < length; i++) {
            max = Math.max(max, x[offset + i]);
        }
        if (Double.isInfinite(max) || Double.isNaN(max)) {
            return max;
        }
        double sum = 0;
        for (int i = 0; i < length; i++) {
            sum += Math.exp(x[offset + i] - max);
        }
        return max + Math.log(sum);
    }

    /// `exp(x - max) / Σ exp(x - max)`, written to `into` at the same offset; all zero if every
    /// value is negative infinity.
    public static void apply(double[] x, int offset, int length, double[] into) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < length; i++) {
            max = Math.max(max, x[offset + i]);
        }
        double sum = 0;
        for (int i = 0; i < length; i++) {
            double e = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(x[offset + i] - max);
            into[offset + i] = e;
            sum += e;
        }
        for (int i = 0; sum != 0 && i < length; i++) {
            into[offset + i] /= sum;
        }
    }
}

package dev.halcyon.tck.verify;

import java.util.Locale;

/// How far a tensor is from what a case expects.
///
/// @param tensor its name
/// @param error largest difference, relative to the largest expected magnitude (absolute where that
///   is zero)
/// @param tolerance what is let through
/// @param at row-major index of the largest difference
/// @param expected the value there
/// @param actual the value there
record Discrepancy(
        String tensor, double error, double tolerance, int at, double expected, double actual) {
    /// The largest difference of two tensors. NaN agrees with NaN alone, an infinity with itself
    /// alone.
    static Discrepancy of(String tensor, double[] expected, double[] actual, double tolerance) {
        if (expected.length != actual.length) {
            throw new IllegalArgumentException(
                    tensor
                            + " has "
                            + expected.length
                            + " values in the case, the device computed "
                            + actual.length);
        }
        double scale = 0;
        double worst = 0;
        int at = 0;
        for (int i = 0; i < expected.length; i++) {
            scale = Math.max(scale, Double.isFinite(expected[i]) ? Math.abs(expected[i]) : 0);
            double difference = difference(expected[i], actual[i]);
            if (difference > worst) {
                worst = difference;
                at = i;
            }
        }
        double error = scale == 0 ? worst : worst / scale;
        return expected.length == 0
                ? new Discrepancy(tensor, 0, tolerance, 0, 0, 0)
                : new Discrepancy(tensor, error, tolerance, at, expected[at], actual[at]);
    }

    private static double difference(double expected, double actual) {
        if (Double.isNaN(expected) || Double.isNaN(actual)) {
            return Double.isNaN(expected) && Double.isNaN(actual) ? 0 : Double.POSITIVE_INFINITY;
        }
        return expected == actual ? 0 : Math.abs(expected - actual);
    }

    boolean isWithin() {
        return error <= tolerance;
    }

    /// How much of the tolerance is used up; the measure by which one discrepancy is worse than
    /// another.
    double severity() {
        return error == 0 ? 0 : error / tolerance;
    }

    String describe() {
        return isWithin()
                ? tensor
                : String.format(
                        Locale.ROOT, "%s at %d is %s, expected %s", tensor, at, actual, expected);
    }
}

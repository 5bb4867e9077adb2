package dev.halcyon.tck.conformance;

import java.util.Locale;

/// How far an operand is from what the oracle says, over the elements that are specified.
///
/// @param operand its name
/// @param error largest difference, relative to the largest expected magnitude (absolute where that
///   is zero)
/// @param tolerance what is let through
/// @param at row-major index of the largest difference
/// @param expected the value there
/// @param actual the value there
record Difference(
        String operand, double error, double tolerance, int at, double expected, double actual) {
    /// Nothing has been compared.
    static final Difference NONE = new Difference("", Double.NaN, Double.NaN, 0, 0, 0);

    static Difference of(String operand, Expected expected, double[] actual, double tolerance) {
        return of(operand, expected, actual, tolerance, 0);
    }

    /// @param terms magnitude that an error is at least measured against
    static Difference of(
            String operand, Expected expected, double[] actual, double tolerance, double terms) {
        double[] wanted = expected.values();
        if (wanted.length != actual.length) {
            throw new IllegalStateException(
                    operand
                            + " has "
                            + actual.length
                            + " elements, the oracle gives "
                            + wanted.length);
        }
        double scale = terms;
        double worst = -1;
        int at = 0;
        for (int i = 0; i < wanted.length; i++) {
            if (expected.open().get(i)) {
                continue;
            }
            scale = Math.max(scale, Double.isFinite(wanted[i]) ? Math.abs(wanted[i]) : 0);
            double difference = difference(wanted[i], actual[i], tolerance == 0);
            if (difference > worst) {
                worst = difference;
                at = i;
            }
        }
        if (worst < 0) {
            return new Difference(operand, 0, tolerance, 0, 0, 0);
        }
        return new Difference(
                operand, scale == 0 ? worst : worst / scale, tolerance, at, wanted[at], actual[at]);
    }

    /// Where the very value is asked for, a zero must have its sign.
    private static double difference(double expected, double actual, boolean exact) {
        if (Double.isNaN(expected) || Double.isNaN(actual)) {
            return Double.isNaN(expected) && Double.isNaN(actual) ? 0 : Double.POSITIVE_INFINITY;
        }
        if (expected == actual) {
            return exact && Double.compare(expected, actual) != 0 ? Double.MIN_NORMAL : 0;
        }
        return Math.abs(expected - actual);
    }

    boolean isWithin() {
        return error <= tolerance;
    }

    private double severity() {
        return Double.isNaN(error) ? -1 : error == 0 ? 0 : error / tolerance;
    }

    Difference worse(Difference other) {
        return other.severity() > severity() ? other : this;
    }

    String describe() {
        return String.format(
                Locale.ROOT,
                "%s[%d] is %s, the oracle says %s: error %.2e, tolerance %.2e",
                operand,
                at,
                actual,
                expected,
                error,
                tolerance);
    }
}

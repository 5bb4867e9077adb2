package dev.halcyon.tck.oracle;

import java.util.List;

/// Reductions of one tensor or of several taken together, as gradient clipping needs them.
///
/// A NaN anywhere makes the result NaN. Sums are compensated (Neumaier), so that the oracle's own
/// rounding stays out of the comparison however long the tensor is.
public final class Reduce {
    private Reduce() {}

    /// `Σ x`, 0 of nothing.
    public static double sum(List<double[]> tensors) {
        Compensated total = new Compensated();
        for (double[] tensor : tensors) {
            for (double value : tensor) {
                total.add(value);
            }
        }
        return total.value();
    }

    /// `max x`, negative infinity of nothing.
    public static double max(List<double[]> tensors) {
        double largest = Double.NEGATIVE_INFINITY;
        for (double[] tensor : tensors) {
            for (double value : tensor) {
                largest = Math.max(largest, value);
            }
        }
        return largest;
    }

    /// `max |x|`, 0 of nothing.
    public static double maxMagnitude(List<double[]> tensors) {
        double largest = 0;
        for (double[] tensor : tensors) {
            for (double value : tensor) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        return largest;
    }

    /// `sqrt(Σ x²)`, 0 of nothing.
    public static double norm(List<double[]> tensors) {
        Compensated total = new Compensated();
        for (double[] tensor : tensors) {
            for (double value : tensor) {
                total.add(value * value);
            }
        }
        return Math.sqrt(total.value());
    }

    private static final class Compensated {
        private double sum;
        private double lost;

        void add(double value) {
            double next = sum + value;
            // An infinite or NaN partial sum has no meaningful error term.
            if (Double.isFinite(next)) {
                lost +=
                        Math.abs(sum) >= Math.abs(value)
                                ? (sum - next) + value
                                : (value - next) + sum;
            }
            sum = next;
        }

        double value() {
            return Double.isFinite(sum) ? sum + lost : sum;
        }
    }
}

package dev.halcyon.bench.data;

/// Largest deviations from the oracle.
public final class Errors {
    /// What the reference cases allow F32 kernels, relative to the largest magnitude.
    public static final double F32_TOLERANCE = 2e-5;

    /// What they allow kernels that round to BF16.
    public static final double BF16_TOLERANCE = 3e-2;

    private double largestDifference;
    private double largestMagnitude;

    /// Begins without any.
    public Errors() {}

    /// Takes in values and what they should be.
    public void compare(
            double[] wanted, int wantedOffset, double[] found, int foundOffset, int count) {
        for (int i = 0; i < count; i++) {
            compare(wanted[wantedOffset + i], found[foundOffset + i]);
        }
    }

    /// Takes in one value and what it should be.
    public void compare(double wanted, double found) {
        double difference = Math.abs(wanted - found);
        largestDifference = Double.isNaN(difference) ? Double.NaN : worse(difference);
        largestMagnitude = Math.max(largestMagnitude, Math.abs(wanted));
    }

    private double worse(double difference) {
        return Double.isNaN(largestDifference)
                ? Double.NaN
                : Math.max(largestDifference, difference);
    }

    /// {@return the largest difference over the largest magnitude; not a number if a value was not
    /// one}
    public double relative() {
        return largestMagnitude == 0 ? largestDifference : largestDifference / largestMagnitude;
    }
}

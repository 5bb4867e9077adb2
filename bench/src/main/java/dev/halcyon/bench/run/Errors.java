package dev.halcyon.bench.run;

/// Largest deviations from the oracle.
final class Errors {
    /// What the reference cases allow F32 kernels, relative to the largest magnitude.
    static final double F32_TOLERANCE = 2e-5;

    /// What they allow kernels that round to BF16.
    static final double BF16_TOLERANCE = 3e-2;

    private double largestDifference;
    private double largestMagnitude;

    /// Takes in values and what they should be.
    void compare(double[] wanted, int wantedOffset, double[] found, int foundOffset, int count) {
        for (int i = 0; i < count; i++) {
            double difference = Math.abs(wanted[wantedOffset + i] - found[foundOffset + i]);
            largestDifference = Double.isNaN(difference) ? Double.NaN : worse(difference);
            largestMagnitude = Math.max(largestMagnitude, Math.abs(wanted[wantedOffset + i]));
        }
    }

    private double worse(double difference) {
        return Double.isNaN(largestDifference) ? Double.NaN : Math.max(largestDifference, difference);
    }

    /// {@return the largest difference over the largest magnitude; not a number if a value was not one}
    double relative() {
        return largestMagnitude == 0 ? largestDifference : largestDifference / largestMagnitude;
    }
}

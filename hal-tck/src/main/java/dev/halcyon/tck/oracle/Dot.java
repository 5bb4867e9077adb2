package dev.halcyon.tck.oracle;

/// The inner product, summed in index order.
final class Dot {
    private Dot() {}

    static double of(double[] a, int aOffset, double[] b, int bOffset, int length) {
        double sum = 0;
        for (int i = 0; i < length; i++) {
            sum += a[aOffset + i] * b[bOffset + i];
        }
        return sum;
    }
}

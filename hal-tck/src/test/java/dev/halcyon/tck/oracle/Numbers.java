package dev.halcyon.tck.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/// Seeded arrays and the comparisons that the oracle's tests share.
final class Numbers {
    /// Room for a few hundred double roundings of numbers around one.
    static final double CLOSE = 1e-12;

    private Numbers() {}

    static double[] gaussian(long seed, int... dimensions) {
        SplittableRandom random = new SplittableRandom(seed);
        int size = 1;
        for (int dimension : dimensions) {
            size *= dimension;
        }
        return random.doubles(size).map(ignored -> random.nextGaussian()).toArray();
    }

    static Rows matrix(long seed, int rows, int columns) {
        double[] data = gaussian(seed, rows, columns);
        for (int i = 0; i < data.length; i++) {
            data[i] /= Math.sqrt(columns);
        }
        return Rows.of(data, rows, columns);
    }

    static void assertClose(double[] expected, double[] actual) {
        assertClose(expected, actual, CLOSE);
    }

    static void assertClose(double[] expected, double[] actual, double tolerance) {
        assertEquals(expected.length, actual.length, "length");
        double scale = 1;
        for (double value : expected) {
            scale = Math.max(scale, Double.isFinite(value) ? Math.abs(value) : 0);
        }
        for (int i = 0; i < expected.length; i++) {
            if (Double.isFinite(expected[i])) {
                assertEquals(expected[i], actual[i], tolerance * scale, "element " + i);
            } else {
                assertEquals(expected[i], actual[i], "element " + i);
            }
        }
    }

    /// Compares a gradient with central differences of `loss` around `x`, which is left as it was.
    static void assertGradient(ToDoubleFunction<double[]> loss, double[] x, double[] gradient) {
        double step = 1e-6;
        double[] expected = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double[] moved = x.clone();
            moved[i] = x[i] + step;
            double above = loss.applyAsDouble(moved);
            moved[i] = x[i] - step;
            expected[i] = (above - loss.applyAsDouble(moved)) / (2 * step);
        }
        assertClose(expected, gradient, 1e-7);
    }

    static double dot(double[] a, double[] b) {
        return Dot.of(a, 0, b, 0, a.length);
    }
}

package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/// What a recipe makes a problem for: a number of rows, exact or bounded, and a seed.
///
/// In a bounded setting plans are for more rows than the tensors have, and the tensors have more
/// rows than are live. Random numbers depend on the seed and the operand's name alone and come in
/// row-major order, so the first rows of a larger problem are those of a smaller one; batch
/// invariance is checked that way.
final class Setting {
    private static final int DEAD_ROWS = 2;
    private static final int SPARE_BOUND = 7;
    private static final long NAME_FACTOR = 0x9E3779B97F4A7C15L;

    private final Device device;
    private final int live;
    private final boolean bounded;
    private final long seed;

    Setting(Device device, int live, boolean bounded, long seed) {
        this.device = device;
        this.live = live;
        this.bounded = bounded;
        this.seed = seed;
    }

    /// Rows that count.
    int live() {
        return live;
    }

    /// Rows of the tensors.
    int rows() {
        return bounded ? live + DEAD_ROWS : live;
    }

    /// Rows to plan for.
    int bound() {
        return Math.max(1, bounded ? live + SPARE_BOUND : live);
    }

    boolean isBounded() {
        return bounded;
    }

    /// The format that the device is fastest with.
    WeightFormat preferred(WeightFormat stored, long... dims) {
        return device.preferred(Shape.of(dims), stored);
    }

    /// The cache format that the device is fastest with.
    CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim) {
        return device.cacheFormat(dtype, latentDim, ropeDim);
    }

    RandomGenerator random(String operand) {
        return new SplittableRandom(seed ^ operand.hashCode() * NAME_FACTOR);
    }

    /// Normally distributed values.
    double[] normal(String operand, long count) {
        return normal(operand, count, 1);
    }

    double[] normal(String operand, long count, double scale) {
        RandomGenerator random = random(operand);
        double[] values = new double[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = scale * random.nextGaussian();
        }
        return values;
    }

    /// Values spread evenly over `from` to `to`.
    double[] uniform(String operand, long count, double from, double to) {
        RandomGenerator random = random(operand);
        double[] values = new double[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = from + (to - from) * random.nextDouble();
        }
        return values;
    }

    /// Whole numbers from `from` to `to - 1`.
    int[] integers(String operand, long count, int from, int to) {
        RandomGenerator random = random(operand);
        int[] values = new int[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextInt(from, to);
        }
        return values;
    }

    /// `0 … count - 1` in a random order.
    int[] permutation(String operand, int count) {
        RandomGenerator random = random(operand);
        int[] order = new int[count];
        for (int i = 0; i < count; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}

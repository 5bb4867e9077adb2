package dev.halcyon.bench.problem;

import dev.halcyon.hal.memory.DType;

/// What rounding explains, relative to the largest magnitude of a result.
public final class Tolerances {
    /// Half a unit in the last place of F32, and room for the sum's other errors.
    private static final double F32_STEP = 0x1p-24 * 16;

    private static final double BF16_STEP = 0x1p-9;

    private Tolerances() {}

    /// {@return the tolerance of one sum of products}
    ///
    /// @param stored type of the factors and of the result
    /// @param length number of products; errors grow as its root, being random
    public static double of(DType stored, long length) {
        double sum = F32_STEP * Math.max(1, Math.sqrt(length) / 16);
        return stored == DType.F32 ? sum : sum + 4 * BF16_STEP;
    }

    /// {@return the tolerance of several such sums one after the other, stored in between}
    public static double chain(DType stored, long length, int sums) {
        return sums * of(stored, length);
    }
}

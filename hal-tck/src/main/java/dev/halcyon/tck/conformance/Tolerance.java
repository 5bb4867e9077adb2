package dev.halcyon.tck.conformance;

import dev.halcyon.hal.memory.DType;

/// How close a result must be to the oracle's, relative to the largest magnitude of its tensor.
///
/// This is the only place where closeness is decided: one function of the stored type, the
/// accumulate type and the length of the sums, the same for every backend. A result that goes
/// through several roundings or sums is allowed the sum of what each of them is allowed.
public final class Tolerance {
    /// Factor on a single rounding; the largest magnitude of a tensor may itself be off.
    private static final double STORED = 2;

    /// Factor on the accumulator's unit, for the functions (exponential, root, division) around the
    /// sums.
    private static final double FUNCTIONS = 32;

    /// Factor on the accumulator's unit, for each unit of the random walk that a sum's rounding
    /// errors make.
    private static final double SUMS = 4;

    private Tolerance() {}

    /// {@return the largest relative error that may pass}
    ///
    /// @param stored element type of the result, or of an intermediate
    /// @param accumulate type of the sums
    /// @param length terms of the longest sum, 1 where nothing is summed
    public static double of(DType stored, DType accumulate, long length) {
        return STORED * unit(stored)
                + unit(accumulate) * (FUNCTIONS + SUMS * Math.sqrt(Math.max(1, length)));
    }

    /// {@return the unit roundoff of a floating-point type, `2^-p` for `p` significant bits; 0 for
    /// integers}
    public static double unit(DType dtype) {
        return switch (dtype) {
            case F64 -> 0x1p-53;
            case F32 -> 0x1p-24;
            case F16 -> 0x1p-11;
            case BF16 -> 0x1p-8;
            case F8_E4M3 -> 0x1p-4;
            case F8_E5M2 -> 0x1p-3;
            case F8_E8M0 -> 0x1p-1;
            case F4_E2M1 -> 0x1p-2;
            case I64, I32, I8, U8, I4 -> 0;
        };
    }
}

package dev.halcyon.bench.run;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Random BF16 values by the gigabyte: random signs and mantissas under one exponent, so every weight is between 1 and
/// 2 times a power of two in magnitude, and reproducible from a seed.
final class RandomBits {
    private static final long SIGNS_AND_MANTISSAS = 0x807f_807f_807f_807fL;
    private static final long ONES = 0x0001_0001_0001_0001L;
    private static final int EXPONENT_BIAS = 127;

    private RandomBits() {}

    /// Fills BF16 host memory with magnitudes from `2^exponent` to twice that.
    static void fill(MemorySegment memory, long seed, int exponent) {
        long pattern = ONES * ((long) (exponent + EXPONENT_BIAS) << 7);
        long state = seed * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L;
        long bytes = memory.byteSize();
        for (long at = 0; at + 8 <= bytes; at += 8) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at, state & SIGNS_AND_MANTISSAS | pattern);
        }
        for (long at = bytes - bytes % 8; at + 2 <= bytes; at += 2) {
            memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) pattern);
        }
    }

    /// Fills a host-visible BF16 tensor.
    static void fill(Tensor tensor, long seed, int exponent) {
        if (tensor.dtype() != DType.BF16) {
            throw new IllegalArgumentException("random bits are BF16, not " + tensor.dtype());
        }
        fill(tensor.segment(), seed, exponent);
    }
}

package dev.halcyon.bench.data;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Random values by the gigabyte: random signs and mantissas under one exponent, so every magnitude
/// is between 1 and 2 times a power of two, and reproducible from a seed, in another process too.
public final class RandomBits {
    private static final long MULTIPLIER = 0x9E3779B97F4A7C15L;
    private static final long INCREMENT = 0x632BE59BD9B4E019L;

    private RandomBits() {}

    /// How the elements of one type share a 64-bit word.
    ///
    /// @param random the bits of sign and mantissa of all of them
    /// @param ones the lowest bit of each
    /// @param exponentShift where the exponent of an element begins
    /// @param exponentBias what is added to it
    private record Pattern(long random, long ones, int exponentShift, int exponentBias) {
        static Pattern of(DType dtype) {
            return switch (dtype) {
                case F32 -> new Pattern(0x807f_ffff_807f_ffffL, 0x0000_0001_0000_0001L, 23, 127);
                case BF16 -> new Pattern(0x807f_807f_807f_807fL, 0x0001_0001_0001_0001L, 7, 127);
                case F8_E4M3 -> new Pattern(0x8787_8787_8787_8787L, 0x0101_0101_0101_0101L, 3, 7);
                default ->
                        throw new IllegalArgumentException(
                                "random bits are F32, BF16 or F8_E4M3, not " + dtype);
            };
        }

        long exponents(int exponent) {
            return ones * ((long) (exponent + exponentBias) << exponentShift);
        }
    }

    /// Fills memory with elements of magnitudes from `2^exponent` to twice that.
    ///
    /// @throws IllegalArgumentException if the type is none of F32, BF16 and F8_E4M3
    public static void fill(MemorySegment memory, DType dtype, long seed, int exponent) {
        Pattern pattern = Pattern.of(dtype);
        long exponents = pattern.exponents(exponent);
        long state = seed * MULTIPLIER + INCREMENT;
        long bytes = memory.byteSize();
        long at = 0;
        for (; at + 8 <= bytes; at += 8) {
            state = next(state);
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at, state & pattern.random | exponents);
        }
        long last = next(state) & pattern.random | exponents;
        for (; at < bytes; at++) {
            memory.set(ValueLayout.JAVA_BYTE, at, (byte) last);
            last >>>= 8;
        }
    }

    private static long next(long state) {
        long mixed = state ^ state << 13;
        mixed ^= mixed >>> 7;
        return mixed ^ mixed << 17;
    }

    /// Fills BF16 host memory with magnitudes from `2^exponent` to twice that.
    public static void fill(MemorySegment memory, long seed, int exponent) {
        fill(memory, DType.BF16, seed, exponent);
    }

    /// Fills a tensor of F32, BF16 or F8_E4M3 on any device, through host memory where the host
    /// does not see it.
    public static void fill(Stream stream, Tensor tensor, long seed, int exponent) {
        if (tensor.buffer().isHostVisible()) {
            fill(tensor.segment(), tensor.dtype(), seed, exponent);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(tensor.byteSize(), 64);
            fill(memory, tensor.dtype(), seed, exponent);
            stream.upload(tensor, memory);
        }
    }
}

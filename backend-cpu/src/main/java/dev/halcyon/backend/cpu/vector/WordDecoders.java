package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;

/// Decoding of 32-bit words of 8- or 4-bit elements, one vector of words at a time, into plane
/// order.
///
/// Only shifts, masks and blends: a table look-up a lane would need a gather, and multiplying codes
/// read as F32 numbers would be slow on processors that trap on subnormal operands.
final class WordDecoders {
    private static final int E4M3_BIAS = 127 - 7;
    private static final int E5M2_BIAS = 127 - 15;

    /// Twice the magnitude of each E2M1 code, a nibble each, code 0 in the lowest: 0, 1, 2, 3, 4,
    /// 6, 8, 12.
    private static final int E2M1_DOUBLES = 0xc8643210;

    private WordDecoders() {}

    static void e4m3(
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            int words,
            MemorySegment out,
            long outAt) {
        for (int i = 0; i < words; i += COUNT) {
            IntVector word = IntVector.fromMemorySegment(INTS, codes, codesAt + i * 4L, ORDER);
            FloatVector scale =
                    FloatVector.fromMemorySegment(FLOATS, scales, scalesAt + i * 4L, ORDER);
            for (int plane = 0; plane < 4; plane++) {
                IntVector code = word.lanewise(VectorOperators.LSHR, 8 * plane);
                IntVector magnitude = code.and(0x7f);
                IntVector sign = code.and(0x80).lanewise(VectorOperators.LSHL, 24);
                IntVector bits = magnitude.lanewise(VectorOperators.LSHL, 20);
                FloatVector normal = bits.add(E4M3_BIAS << 23).reinterpretAsFloats();
                // With exponent 0 the mantissa counts steps from 0, not from 1: take the next
                // exponent and subtract its 1.
                FloatVector small =
                        bits.add(E4M3_BIAS + 1 << 23).reinterpretAsFloats().sub(0x1p-6f);
                VectorMask<Integer> isSmall = magnitude.lt(8);
                FloatVector value =
                        normal.blend(small, isSmall.cast(FLOATS))
                                .blend(Float.NaN, magnitude.eq(0x7f).cast(FLOATS));
                value.reinterpretAsInts()
                        .or(sign)
                        .reinterpretAsFloats()
                        .mul(scale)
                        .intoMemorySegment(out, outAt + (i * 4L + plane * COUNT) * 4, ORDER);
            }
        }
    }

    static void e5m2(
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            int words,
            MemorySegment out,
            long outAt) {
        for (int i = 0; i < words; i += COUNT) {
            IntVector word = IntVector.fromMemorySegment(INTS, codes, codesAt + i * 4L, ORDER);
            FloatVector scale =
                    FloatVector.fromMemorySegment(FLOATS, scales, scalesAt + i * 4L, ORDER);
            for (int plane = 0; plane < 4; plane++) {
                IntVector code = word.lanewise(VectorOperators.LSHR, 8 * plane);
                IntVector magnitude = code.and(0x7f);
                IntVector sign = code.and(0x80).lanewise(VectorOperators.LSHL, 24);
                IntVector bits = magnitude.lanewise(VectorOperators.LSHL, 21);
                FloatVector normal = bits.add(E5M2_BIAS << 23).reinterpretAsFloats();
                FloatVector small =
                        bits.add(E5M2_BIAS + 1 << 23).reinterpretAsFloats().sub(0x1p-14f);
                // Infinity and NaN: the exponent of F32 is full as well.
                FloatVector special = bits.or(0x7f80_0000).reinterpretAsFloats();
                FloatVector value =
                        normal.blend(small, magnitude.lt(4).cast(FLOATS))
                                .blend(
                                        special,
                                        magnitude.compare(VectorOperators.GE, 0x7c).cast(FLOATS));
                value.reinterpretAsInts()
                        .or(sign)
                        .reinterpretAsFloats()
                        .mul(scale)
                        .intoMemorySegment(out, outAt + (i * 4L + plane * COUNT) * 4, ORDER);
            }
        }
    }

    static void e2m1(
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            int words,
            MemorySegment out,
            long outAt) {
        IntVector doubles = IntVector.broadcast(INTS, E2M1_DOUBLES);
        for (int i = 0; i < words; i += COUNT) {
            IntVector word = IntVector.fromMemorySegment(INTS, codes, codesAt + i * 4L, ORDER);
            FloatVector half =
                    FloatVector.fromMemorySegment(FLOATS, scales, scalesAt + i * 4L, ORDER)
                            .mul(0.5f);
            for (int plane = 0; plane < 8; plane++) {
                IntVector code = word.lanewise(VectorOperators.LSHR, 4 * plane);
                IntVector sign = code.and(8).lanewise(VectorOperators.LSHL, 28);
                IntVector shift = code.and(7).lanewise(VectorOperators.LSHL, 2);
                FloatVector magnitude =
                        (FloatVector)
                                doubles.lanewise(VectorOperators.LSHR, shift)
                                        .and(0xf)
                                        .convert(VectorOperators.I2F, 0);
                magnitude
                        .reinterpretAsInts()
                        .or(sign)
                        .reinterpretAsFloats()
                        .mul(half)
                        .intoMemorySegment(out, outAt + (i * 8L + plane * COUNT) * 4, ORDER);
            }
        }
    }

    static void int4(
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            int words,
            MemorySegment out,
            long outAt) {
        for (int i = 0; i < words; i += COUNT) {
            IntVector word = IntVector.fromMemorySegment(INTS, codes, codesAt + i * 4L, ORDER);
            FloatVector scale =
                    FloatVector.fromMemorySegment(FLOATS, scales, scalesAt + i * 4L, ORDER);
            for (int plane = 0; plane < 8; plane++) {
                IntVector value = word.lanewise(VectorOperators.LSHR, 4 * plane).and(0xf).sub(8);
                ((FloatVector) value.convert(VectorOperators.I2F, 0))
                        .mul(scale)
                        .intoMemorySegment(out, outAt + (i * 8L + plane * COUNT) * 4, ORDER);
            }
        }
    }
}

package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.scalar.ScalarConversions;
import dev.halcyon.hal.memory.DType;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;

/// Conversion of runs of elements between memory and floats on the Vector API.
///
/// A narrow code is moved to the place of the binary32 exponent and mantissa; one multiplication by
/// a power of two then corrects the exponent's bias, and gets subnormal codes right on the way.
/// Narrowing rounds normal numbers by adding half a unit to the binary32 bits, and subnormal ones
/// by adding a number whose last place is the unit wanted.
final class VectorConversions {
    private static final int LANES = Lanes.COUNT;
    private static final int FLOAT_ABS = 0x7fffffff;
    private static final int FLOAT_INFINITY = 0x7f800000;

    /// As many bytes as there are float lanes. There is no 32-bit shape, so 128-bit vectors leave
    /// bytes to plain Java.
    private static final boolean HAS_QUARTERS = LANES >= 8;

    private static final VectorSpecies<Byte> QUARTER_BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(HAS_QUARTERS ? LANES * 8 : 64));

    private VectorConversions() {}

    static void load(
            DType dtype, MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        int done =
                switch (dtype) {
                    case BF16 -> loadBf16(from, byteOffset, to, toOffset, n);
                    case F16 -> loadF16(from, byteOffset, to, toOffset, n);
                    case F8_E4M3 -> HAS_QUARTERS ? loadE4m3(from, byteOffset, to, toOffset, n) : 0;
                    case F8_E5M2 -> HAS_QUARTERS ? loadE5m2(from, byteOffset, to, toOffset, n) : 0;
                    default -> 0;
                };
        if (done < n) {
            ScalarConversions.load(
                    dtype, from, byteOffset + dtype.bytes(done), to, toOffset + done, n - done);
        }
    }

    static void store(
            DType dtype, float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        int done =
                switch (dtype) {
                    case BF16 -> storeBf16(from, fromOffset, n, to, byteOffset);
                    case F16 -> storeF16(from, fromOffset, n, to, byteOffset);
                    case F8_E4M3 ->
                            HAS_QUARTERS ? storeE4m3(from, fromOffset, n, to, byteOffset) : 0;
                    case F8_E5M2 ->
                            HAS_QUARTERS ? storeE5m2(from, fromOffset, n, to, byteOffset) : 0;
                    default -> 0;
                };
        if (done < n) {
            ScalarConversions.store(
                    dtype, from, fromOffset + done, n - done, to, byteOffset + dtype.bytes(done));
        }
    }

    private static int loadBf16(
            MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            ShortVector.fromMemorySegment(Lanes.HALF_SHORTS, from, byteOffset + 2L * i, Lanes.ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.INTS, 0)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoArray(to, toOffset + i);
        }
        return i;
    }

    private static int loadF16(
            MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector code =
                    ShortVector.fromMemorySegment(
                                    Lanes.HALF_SHORTS, from, byteOffset + 2L * i, Lanes.ORDER)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.INTS, 0)
                            .reinterpretAsInts();
            IntVector magnitude = code.and(0x7fff);
            IntVector bits =
                    magnitude
                            .lanewise(VectorOperators.LSHL, 13)
                            .reinterpretAsFloats()
                            .mul(0x1p112f)
                            .reinterpretAsInts();
            VectorMask<Integer> unbounded = magnitude.compare(VectorOperators.GE, 0x7c00);
            bits = bits.lanewise(VectorOperators.OR, FLOAT_INFINITY, unbounded);
            bits.or(code.and(0x8000).lanewise(VectorOperators.LSHL, 16))
                    .reinterpretAsFloats()
                    .intoArray(to, toOffset + i);
        }
        return i;
    }

    private static int loadE4m3(
            MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector code =
                    ByteVector.fromMemorySegment(QUARTER_BYTES, from, byteOffset + i, Lanes.ORDER)
                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, 0)
                            .reinterpretAsInts();
            IntVector magnitude = code.and(0x7f);
            IntVector bits =
                    magnitude
                            .lanewise(VectorOperators.LSHL, 20)
                            .reinterpretAsFloats()
                            .mul(0x1p120f)
                            .reinterpretAsInts();
            VectorMask<Integer> nan = magnitude.compare(VectorOperators.EQ, 0x7f);
            bits = bits.lanewise(VectorOperators.OR, FLOAT_INFINITY, nan);
            bits.or(code.and(0x80).lanewise(VectorOperators.LSHL, 24))
                    .reinterpretAsFloats()
                    .intoArray(to, toOffset + i);
        }
        return i;
    }

    private static int loadE5m2(
            MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector code =
                    ByteVector.fromMemorySegment(QUARTER_BYTES, from, byteOffset + i, Lanes.ORDER)
                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, 0)
                            .reinterpretAsInts();
            IntVector magnitude = code.and(0x7f);
            IntVector bits =
                    magnitude
                            .lanewise(VectorOperators.LSHL, 21)
                            .reinterpretAsFloats()
                            .mul(0x1p112f)
                            .reinterpretAsInts();
            VectorMask<Integer> unbounded = magnitude.compare(VectorOperators.GE, 0x7c);
            bits = bits.lanewise(VectorOperators.OR, FLOAT_INFINITY, unbounded);
            bits.or(code.and(0x80).lanewise(VectorOperators.LSHL, 24))
                    .reinterpretAsFloats()
                    .intoArray(to, toOffset + i);
        }
        return i;
    }

    private static int storeBf16(
            float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector bits =
                    FloatVector.fromArray(Lanes.FLOATS, from, fromOffset + i).reinterpretAsInts();
            VectorMask<Integer> nan =
                    bits.and(FLOAT_ABS).compare(VectorOperators.GT, FLOAT_INFINITY);
            IntVector rounded =
                    bits.add(0x7fff)
                            .add(bits.lanewise(VectorOperators.LSHR, 16).and(1))
                            .lanewise(VectorOperators.LSHR, 16);
            rounded.blend(bits.lanewise(VectorOperators.LSHR, 16).or(0x40), nan)
                    .convertShape(VectorOperators.I2S, Lanes.HALF_SHORTS, 0)
                    .reinterpretAsShorts()
                    .intoMemorySegment(to, byteOffset + 2L * i, Lanes.ORDER);
        }
        return i;
    }

    private static int storeF16(
            float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector bits =
                    FloatVector.fromArray(Lanes.FLOATS, from, fromOffset + i).reinterpretAsInts();
            IntVector magnitude = bits.and(FLOAT_ABS);
            IntVector normal =
                    magnitude
                            .add(0xfff - (112 << 23))
                            .add(magnitude.lanewise(VectorOperators.LSHR, 13).and(1))
                            .lanewise(VectorOperators.LSHR, 13)
                            .min(0x7c00);
            IntVector subnormal =
                    magnitude
                            .reinterpretAsFloats()
                            .add(0.5f)
                            .reinterpretAsInts()
                            .sub(Float.floatToRawIntBits(0.5f));
            VectorMask<Integer> isSubnormal = magnitude.compare(VectorOperators.LT, 113 << 23);
            VectorMask<Integer> isNan = magnitude.compare(VectorOperators.GT, FLOAT_INFINITY);
            normal.blend(subnormal, isSubnormal)
                    .blend(0x7e00, isNan)
                    .or(bits.lanewise(VectorOperators.LSHR, 16).and(0x8000))
                    .convertShape(VectorOperators.I2S, Lanes.HALF_SHORTS, 0)
                    .reinterpretAsShorts()
                    .intoMemorySegment(to, byteOffset + 2L * i, Lanes.ORDER);
        }
        return i;
    }

    private static int storeE4m3(
            float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector bits =
                    FloatVector.fromArray(Lanes.FLOATS, from, fromOffset + i).reinterpretAsInts();
            IntVector whole = bits.and(FLOAT_ABS);
            IntVector magnitude = whole.min(Float.floatToRawIntBits(448f));
            IntVector normal =
                    magnitude
                            .add(0x7ffff - (120 << 23))
                            .add(magnitude.lanewise(VectorOperators.LSHR, 20).and(1))
                            .lanewise(VectorOperators.LSHR, 20);
            IntVector subnormal =
                    magnitude
                            .reinterpretAsFloats()
                            .add(0x1p14f)
                            .reinterpretAsInts()
                            .sub(Float.floatToRawIntBits(0x1p14f));
            VectorMask<Integer> isSubnormal = magnitude.compare(VectorOperators.LT, 121 << 23);
            VectorMask<Integer> isNan = whole.compare(VectorOperators.GT, FLOAT_INFINITY);
            normal.blend(subnormal, isSubnormal)
                    .blend(0x7f, isNan)
                    .or(bits.lanewise(VectorOperators.LSHR, 24).and(0x80))
                    .convertShape(VectorOperators.I2B, QUARTER_BYTES, 0)
                    .reinterpretAsBytes()
                    .intoMemorySegment(to, byteOffset + i, Lanes.ORDER);
        }
        return i;
    }

    private static int storeE5m2(
            float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            IntVector bits =
                    FloatVector.fromArray(Lanes.FLOATS, from, fromOffset + i).reinterpretAsInts();
            IntVector whole = bits.and(FLOAT_ABS);
            IntVector magnitude = whole.min(Float.floatToRawIntBits(57344f));
            IntVector normal =
                    magnitude
                            .add(0xfffff - (112 << 23))
                            .add(magnitude.lanewise(VectorOperators.LSHR, 21).and(1))
                            .lanewise(VectorOperators.LSHR, 21);
            IntVector subnormal =
                    magnitude
                            .reinterpretAsFloats()
                            .add(0x1p7f)
                            .reinterpretAsInts()
                            .sub(Float.floatToRawIntBits(0x1p7f));
            VectorMask<Integer> isSubnormal = magnitude.compare(VectorOperators.LT, 113 << 23);
            VectorMask<Integer> isNan = whole.compare(VectorOperators.GT, FLOAT_INFINITY);
            normal.blend(subnormal, isSubnormal)
                    .blend(0x7f, isNan)
                    .or(bits.lanewise(VectorOperators.LSHR, 24).and(0x80))
                    .convertShape(VectorOperators.I2B, QUARTER_BYTES, 0)
                    .reinterpretAsBytes()
                    .intoMemorySegment(to, byteOffset + i, Lanes.ORDER);
        }
        return i;
    }
}

package dev.halcyon.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Elements as numbers, one at a time: exact when read, rounded to nearest even when written.
///
/// This is for tests, small tensors and tools. Kernels read the mapped bytes themselves.
final class ElementCodec {
    private static final ValueLayout.OfDouble F64 =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final double TWO_POW_63 = 0x1p63;

    private ElementCodec() {}

    static boolean handles(ElementType type) {
        return switch (type) {
            case F6_E2M3, F6_E3M2, F4, C64 -> false;
            default -> true;
        };
    }

    /// Element `index` of `data` as a double. 64-bit integers beyond 2^53 are rounded.
    static double decode(ElementType type, MemorySegment data, long index) {
        return switch (type) {
            case F64 -> data.getAtIndex(F64, index);
            case F32 -> data.getAtIndex(F32, index);
            case F16 -> Float.float16ToFloat(data.getAtIndex(I16, index));
            case BF16 -> Float.intBitsToFloat(data.getAtIndex(I16, index) << 16);
            case F8_E4M3 -> SmallFloat.E4M3.decode(data.get(JAVA_BYTE, index) & 0xff);
            case F8_E5M2 -> SmallFloat.E5M2.decode(data.get(JAVA_BYTE, index) & 0xff);
            case F8_E8M0 -> {
                int exponent = data.get(JAVA_BYTE, index) & 0xff;
                yield exponent == 0xff ? Double.NaN : Math.scalb(1.0, exponent - 127);
            }
            case I64 -> data.getAtIndex(I64, index);
            case U64 -> {
                long bits = data.getAtIndex(I64, index);
                // Halving with the lost bit kept sticky rounds once, as a direct conversion would.
                yield bits >= 0 ? bits : 2.0 * ((bits >>> 1) | (bits & 1));
            }
            default -> decodeLong(type, data, index);
        };
    }

    /// Element `index` of an integer type or BOOL; U64 is returned as its bits.
    static long decodeLong(ElementType type, MemorySegment data, long index) {
        return switch (type) {
            case I64, U64 -> data.getAtIndex(I64, index);
            case I32 -> data.getAtIndex(I32, index);
            case U32 -> data.getAtIndex(I32, index) & 0xffff_ffffL;
            case I16 -> data.getAtIndex(I16, index);
            case U16 -> data.getAtIndex(I16, index) & 0xffff;
            case I8 -> data.get(JAVA_BYTE, index);
            case U8 -> data.get(JAVA_BYTE, index) & 0xff;
            case BOOL -> data.get(JAVA_BYTE, index) == 0 ? 0 : 1;
            default -> throw new IllegalArgumentException(type + " is not an integer type");
        };
    }

    /// Writes `value` as element `index`.
    ///
    /// @throws IllegalArgumentException if the type cannot hold it even after rounding
    static void encode(ElementType type, MemorySegment data, long index, double value) {
        switch (type) {
            case F64 -> data.setAtIndex(F64, index, value);
            case F32 -> {
                float rounded = (float) value;
                if (Float.isInfinite(rounded) && !Double.isInfinite(value)) {
                    throw unfit(type, value);
                }
                data.setAtIndex(F32, index, rounded);
            }
            case F16 -> data.setAtIndex(I16, index, (short) SmallFloat.HALF.encode(value));
            case BF16 -> data.setAtIndex(I16, index, (short) SmallFloat.BFLOAT.encode(value));
            case F8_E4M3 -> data.set(JAVA_BYTE, index, (byte) SmallFloat.E4M3.encode(value));
            case F8_E5M2 -> data.set(JAVA_BYTE, index, (byte) SmallFloat.E5M2.encode(value));
            case F8_E8M0 -> data.set(JAVA_BYTE, index, (byte) exponentOnly(value));
            case I64 -> data.setAtIndex(I64, index, integer(type, value, -TWO_POW_63, TWO_POW_63));
            case I32 -> data.setAtIndex(I32, index, (int) integer(type, value, -0x1p31, 0x1p31));
            case U32 -> data.setAtIndex(I32, index, (int) integer(type, value, 0, 0x1p32));
            case I16 -> data.setAtIndex(I16, index, (short) integer(type, value, -0x1p15, 0x1p15));
            case U16 -> data.setAtIndex(I16, index, (short) integer(type, value, 0, 0x1p16));
            case I8 -> data.set(JAVA_BYTE, index, (byte) integer(type, value, -128, 128));
            case U8 -> data.set(JAVA_BYTE, index, (byte) integer(type, value, 0, 256));
            case BOOL -> data.set(JAVA_BYTE, index, (byte) integer(type, value, 0, 2));
            case U64 -> {
                long low =
                        value < TWO_POW_63
                                ? integer(type, value, 0, TWO_POW_63)
                                : integer(type, value - TWO_POW_63, 0, TWO_POW_63) | Long.MIN_VALUE;
                data.setAtIndex(I64, index, low);
            }
            default ->
                    throw new IllegalArgumentException(
                            type + " cannot be written from numbers, give its bytes");
        }
    }

    private static long integer(ElementType type, double value, double from, double below) {
        if (!(value >= from && value < below) || value != Math.rint(value)) {
            throw unfit(type, value);
        }
        return (long) value;
    }

    private static int exponentOnly(double value) {
        if (Double.isNaN(value)) {
            return 0xff;
        }
        int exponent = Math.getExponent(value);
        if (exponent < -127 || exponent > 127 || value != Math.scalb(1.0, exponent)) {
            throw unfit(ElementType.F8_E8M0, value);
        }
        return exponent + 127;
    }

    static IllegalArgumentException unfit(Object type, double value) {
        return new IllegalArgumentException(value + " does not fit " + type);
    }
}

package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Conversion of runs of elements between memory and floats in plain Java.
public final class ScalarConversions {
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private ScalarConversions() {}

    /// Widens `n` elements.
    ///
    /// @throws IllegalArgumentException if the type has no conversion
    public static void load(
            DType dtype, MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(from, FLOAT, byteOffset, to, toOffset, n);
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    to[toOffset + i] =
                            FloatFormats.bf16ToFloat(from.get(SHORT, byteOffset + 2L * i));
                }
            }
            case F16 -> {
                for (int i = 0; i < n; i++) {
                    to[toOffset + i] = Float.float16ToFloat(from.get(SHORT, byteOffset + 2L * i));
                }
            }
            case F8_E4M3 -> {
                for (int i = 0; i < n; i++) {
                    to[toOffset + i] = FloatFormats.e4m3ToFloat(from.get(BYTE, byteOffset + i));
                }
            }
            case F8_E5M2 -> {
                for (int i = 0; i < n; i++) {
                    to[toOffset + i] = FloatFormats.e5m2ToFloat(from.get(BYTE, byteOffset + i));
                }
            }
            case F64 -> {
                for (int i = 0; i < n; i++) {
                    to[toOffset + i] = (float) from.get(DOUBLE, byteOffset + 8L * i);
                }
            }
            default -> throw unknown(dtype);
        }
    }

    /// Narrows `n` floats.
    ///
    /// @throws IllegalArgumentException if the type has no conversion
    public static void store(
            DType dtype, float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(from, fromOffset, to, FLOAT, byteOffset, n);
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    to.set(
                            SHORT,
                            byteOffset + 2L * i,
                            FloatFormats.floatToBf16(from[fromOffset + i]));
                }
            }
            case F16 -> {
                for (int i = 0; i < n; i++) {
                    to.set(SHORT, byteOffset + 2L * i, Float.floatToFloat16(from[fromOffset + i]));
                }
            }
            case F8_E4M3 -> {
                for (int i = 0; i < n; i++) {
                    to.set(BYTE, byteOffset + i, FloatFormats.floatToE4m3(from[fromOffset + i]));
                }
            }
            case F8_E5M2 -> {
                for (int i = 0; i < n; i++) {
                    to.set(BYTE, byteOffset + i, FloatFormats.floatToE5m2(from[fromOffset + i]));
                }
            }
            case F64 -> {
                for (int i = 0; i < n; i++) {
                    to.set(DOUBLE, byteOffset + 8L * i, from[fromOffset + i]);
                }
            }
            default -> throw unknown(dtype);
        }
    }

    private static IllegalArgumentException unknown(DType dtype) {
        return new IllegalArgumentException(dtype + " has no conversion to float here");
    }
}

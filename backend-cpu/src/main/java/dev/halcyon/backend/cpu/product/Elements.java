package dev.halcyon.backend.cpu.product;

import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Access to elements of native memory, one at a time or a strided run: packing, tails and the
/// rarer types.
///
/// Layouts are unaligned because rows of 4-bit elements and fields of mapped files begin anywhere.
public final class Elements {
    /// Little-endian F32.
    public static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Little-endian F32 at a multiple of 4 bytes.
    public static final ValueLayout.OfFloat ALIGNED_FLOAT =
            ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Little-endian 32-bit word.
    public static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Little-endian 16-bit word.
    public static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Byte.
    public static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private Elements() {}

    /// {@return the element of a byte-sized or wider float type at a byte offset}
    public static float get(DType type, MemorySegment from, long at) {
        return switch (type) {
            case F32 -> from.get(FLOAT, at);
            case BF16 -> Float.intBitsToFloat(from.get(SHORT, at) << 16);
            case F16 -> Float.float16ToFloat(from.get(SHORT, at));
            case F8_E4M3 -> FloatFormats.e4m3ToFloat(from.get(BYTE, at));
            case F8_E5M2 -> FloatFormats.e5m2ToFloat(from.get(BYTE, at));
            case F8_E8M0 -> FloatFormats.e8m0ToFloat(from.get(BYTE, at));
            default ->
                    throw new IllegalArgumentException(
                            type + " is not a float type of 8 to 32 bits");
        };
    }

    /// {@return element `index` of a run of 4-bit elements that begins at a byte offset}
    public static float getPacked(DType type, MemorySegment from, long at, long index) {
        int nibble = from.get(BYTE, at + (index >> 1)) >> (int) (index & 1) * 4 & 0xf;
        return type == DType.I4 ? nibble - 8 : FloatFormats.e2m1ToFloat(nibble);
    }

    /// Sets an F32, BF16 or F16 element, rounding to nearest even.
    public static void set(DType type, MemorySegment to, long at, float value) {
        switch (type) {
            case F32 -> to.set(FLOAT, at, value);
            case BF16 -> to.set(SHORT, at, FloatFormats.floatToBf16(value));
            case F16 -> to.set(SHORT, at, Float.floatToFloat16(value));
            default -> throw new IllegalArgumentException(type + " is not a type of results");
        }
    }

    /// Stores results `from` to `count`: `out = alpha * sums + beta * addend`, rounded once.
    ///
    /// @param beta 0 leaves the addend unread
    public static void store(
            DType type,
            int from,
            int count,
            float alpha,
            float[] sums,
            int sumsAt,
            float beta,
            MemorySegment addend,
            long addendAt,
            MemorySegment out,
            long outAt) {
        long elementBytes = type.bits() / 8;
        for (int i = from; i < count; i++) {
            float value = sums[sumsAt + i] * alpha;
            if (beta != 0) {
                value = get(type, addend, addendAt + i * elementBytes) * beta + value;
            }
            set(type, out, outAt + i * elementBytes, value);
        }
    }

    /// Widens `count` elements that lie `step` bytes apart to floats that lie `toStep` bytes apart.
    public static void widen(
            DType type,
            MemorySegment from,
            long at,
            long step,
            int count,
            MemorySegment to,
            long toAt,
            long toStep) {
        switch (type) {
            case F32 -> {
                for (int i = 0; i < count; i++) {
                    to.set(FLOAT, toAt + i * toStep, from.get(FLOAT, at + i * step));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    to.set(INT, toAt + i * toStep, from.get(SHORT, at + i * step) << 16);
                }
            }
            default -> {
                for (int i = 0; i < count; i++) {
                    to.set(FLOAT, toAt + i * toStep, get(type, from, at + i * step));
                }
            }
        }
    }

    /// Sets `count` floats that lie `step` bytes apart to zero.
    public static void clear(MemorySegment to, long at, long step, int count) {
        for (int i = 0; i < count; i++) {
            to.set(FLOAT, at + i * step, 0f);
        }
    }
}

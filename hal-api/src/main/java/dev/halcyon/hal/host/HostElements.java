package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Element access by index and type, for set-up, tests and reading back; kernels have loops of
/// their own.
public final class HostElements {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private HostElements() {}

    /// {@return element `index` of an array of `dtype` in `memory`, as a double}
    public static double get(MemorySegment memory, DType dtype, long index) {
        return switch (dtype) {
            case F64 -> memory.get(DOUBLE, index * 8);
            case F32 -> memory.get(FLOAT, index * 4);
            case F16, BF16 -> FloatFormats.decode(dtype, memory.get(SHORT, index * 2));
            case F8_E4M3, F8_E5M2, F8_E8M0 -> FloatFormats.decode(dtype, memory.get(BYTE, index));
            case F4_E2M1 -> FloatFormats.e2m1ToFloat(nibble(memory, index));
            case I64 -> memory.get(LONG, index * 8);
            case I32 -> memory.get(INT, index * 4);
            case I8 -> memory.get(BYTE, index);
            case U8 -> memory.get(BYTE, index) & 0xff;
            case I4 -> nibble(memory, index) - 8;
        };
    }

    /// Sets element `index` of an array of `dtype` in `memory`, rounding once to nearest even and
    /// saturating integers.
    public static void set(MemorySegment memory, DType dtype, long index, double value) {
        switch (dtype) {
            case F64 -> memory.set(DOUBLE, index * 8, value);
            case F32 -> memory.set(FLOAT, index * 4, (float) value);
            case F16 -> memory.set(SHORT, index * 2, Float.floatToFloat16(toOddFloat(value)));
            case BF16 -> memory.set(SHORT, index * 2, FloatFormats.floatToBf16(toOddFloat(value)));
            case F8_E4M3 -> memory.set(BYTE, index, FloatFormats.floatToE4m3(toOddFloat(value)));
            case F8_E5M2 -> memory.set(BYTE, index, FloatFormats.floatToE5m2(toOddFloat(value)));
            case F8_E8M0 -> memory.set(BYTE, index, FloatFormats.floatToE8m0(toOddFloat(value)));
            case F4_E2M1 -> setNibble(memory, index, FloatFormats.floatToE2m1(toOddFloat(value)));
            case I64 -> memory.set(LONG, index * 8, (long) Math.rint(value));
            case I32 -> memory.set(INT, index * 4, (int) Math.rint(value));
            case I8 ->
                    memory.set(BYTE, index, (byte) Math.clamp((long) Math.rint(value), -128, 127));
            case U8 -> memory.set(BYTE, index, (byte) Math.clamp((long) Math.rint(value), 0, 255));
            case I4 -> setNibble(memory, index, Math.clamp((long) Math.rint(value), -8, 7) + 8);
        }
    }

    /// Rounds to odd: what is lost leaves its trace in the last bit, so that rounding once more, to
    /// a narrower format, rounds as if once.
    private static float toOddFloat(double value) {
        float nearest = (float) value;
        if (nearest == value || Double.isNaN(value)) {
            return nearest;
        }
        float towardZero =
                Math.abs((double) nearest) > Math.abs(value)
                        ? Math.nextAfter(nearest, 0.0)
                        : nearest;
        return Float.intBitsToFloat(Float.floatToRawIntBits(towardZero) | 1);
    }

    private static int nibble(MemorySegment memory, long index) {
        return memory.get(BYTE, index / 2) >> (index % 2 == 0 ? 0 : 4) & 0xf;
    }

    private static void setNibble(MemorySegment memory, long index, int nibble) {
        int old = memory.get(BYTE, index / 2);
        int merged = index % 2 == 0 ? old & 0xf0 | nibble : old & 0x0f | nibble << 4;
        memory.set(BYTE, index / 2, (byte) merged);
    }

    /// Calls `visitor` with the position in the tensor's own memory of every element, in row-major
    /// order.
    public static void forEach(Tensor tensor, PositionVisitor visitor) {
        long[] index = new long[tensor.rank()];
        for (long n = 0; n < tensor.elements(); n++) {
            long position = 0;
            for (int i = 0; i < index.length; i++) {
                position += index[i] * tensor.stride(i);
            }
            visitor.visit(n, position);
            for (int i = index.length - 1; i >= 0 && ++index[i] == tensor.dim(i); i--) {
                index[i] = 0;
            }
        }
    }

    /// Receives the row-major number of an element and where it lies, in elements from the tensor's
    /// first.
    @FunctionalInterface
    public interface PositionVisitor {
        /// Visits one element.
        void visit(long number, long position);
    }
}

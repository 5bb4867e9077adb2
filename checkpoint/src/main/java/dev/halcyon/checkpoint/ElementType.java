package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/// The element types of the safetensors format, named as the format names them.
///
/// Values are little-endian. Types narrower than a byte are packed without gaps and a tensor of
/// them fills whole bytes.
public enum ElementType {
    /// IEEE binary64.
    F64(64),
    /// IEEE binary32.
    F32(32),
    /// IEEE binary16.
    F16(16),
    /// The upper half of a binary32.
    BF16(16),
    /// 1 sign, 4 exponent and 3 mantissa bits, bias 7, no infinity, largest value 448.
    F8_E4M3(8),
    /// 1 sign, 5 exponent and 2 mantissa bits, bias 15, with infinity, largest finite value 57344.
    F8_E5M2(8),
    /// A power of two, `2^(e - 127)`; 255 is NaN.
    F8_E8M0(8),
    /// 1 sign, 2 exponent and 3 mantissa bits.
    F6_E2M3(6),
    /// 1 sign, 3 exponent and 2 mantissa bits.
    F6_E3M2(6),
    /// 1 sign, 2 exponent and 1 mantissa bit, two to a byte.
    F4(4),
    /// Two binary32, real part first.
    C64(64),
    /// Signed 64-bit integer.
    I64(64),
    /// Signed 32-bit integer.
    I32(32),
    /// Signed 16-bit integer.
    I16(16),
    /// Signed 8-bit integer.
    I8(8),
    /// Unsigned 64-bit integer.
    U64(64),
    /// Unsigned 32-bit integer.
    U32(32),
    /// Unsigned 16-bit integer.
    U16(16),
    /// Unsigned 8-bit integer.
    U8(8),
    /// One byte, 0 or 1.
    BOOL(8);

    private static final Map<String, ElementType> BY_NAME = new HashMap<>();

    static {
        for (ElementType type : values()) {
            BY_NAME.put(type.name(), type);
        }
    }

    private final int bits;

    ElementType(int bits) {
        this.bits = bits;
    }

    /// The size of one element in bits.
    public int bits() {
        return bits;
    }

    /// The alignment of one element in bytes, at least 1.
    public int alignmentBytes() {
        return this == C64 ? Float.BYTES : Math.max(1, bits / Byte.SIZE);
    }

    /// The size of `elements` elements in bytes.
    ///
    /// @throws ArithmeticException if that is not a whole number of bytes or does not fit a `long`
    public long bytes(long elements) {
        if (bits % Byte.SIZE == 0) {
            return Math.multiplyExact(elements, (long) bits / Byte.SIZE);
        }
        long total = Math.multiplyExact(elements, (long) bits);
        if (total % Byte.SIZE != 0) {
            throw new ArithmeticException(
                    elements + " elements of " + this + " do not fill whole bytes");
        }
        return total / Byte.SIZE;
    }

    static @Nullable ElementType named(String name) {
        return BY_NAME.get(name);
    }

    static String known() {
        return Arrays.stream(values()).map(ElementType::name).collect(Collectors.joining(", "));
    }
}

package dev.halcyon.hal.memory;

/// The element types a [Tensor] can hold.
///
/// Multi-byte elements are little-endian. The two 4-bit types pack two elements a byte, the lower
/// nibble first, so the last dimension of such a tensor has an even number of elements.
public enum DType {
    /// IEEE 754 binary64.
    F64(64, true),
    /// IEEE 754 binary32.
    F32(32, true),
    /// IEEE 754 binary16.
    F16(16, true),
    /// The upper half of a binary32: 8 exponent bits, 7 mantissa bits.
    BF16(16, true),
    /// OCP E4M3 "fn": no infinities, largest magnitude 448, NaN is `S.1111.111`.
    F8_E4M3(8, true),
    /// OCP E5M2: IEEE-like with infinities, largest finite magnitude 57,344.
    F8_E5M2(8, true),
    /// A power of two, `2^(code - 127)`; code 255 is NaN. Only ever a scale.
    F8_E8M0(8, true),
    /// 4-bit E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives; the lower nibble holds the even
    /// element.
    F4_E2M1(4, true),
    /// 64-bit two's complement integer.
    I64(64, false),
    /// 32-bit two's complement integer.
    I32(32, false),
    /// 8-bit two's complement integer.
    I8(8, false),
    /// Unsigned byte; also the type of opaque storage.
    U8(8, false),
    /// 4-bit integer in offset binary: the stored nibble is the value plus 8; the lower nibble
    /// holds the even element.
    I4(4, false);

    private final int bits;
    private final boolean floatingPoint;

    DType(int bits, boolean floatingPoint) {
        this.bits = bits;
        this.floatingPoint = floatingPoint;
    }

    /// {@return the width of one element in bits}
    public int bits() {
        return bits;
    }

    /// {@return whether two elements share a byte}
    public boolean isPacked() {
        return bits < 8;
    }

    /// {@return whether the elements are floating-point numbers, of whatever width}
    public boolean isFloatingPoint() {
        return floatingPoint;
    }

    /// {@return the number of bytes that `elements` consecutive elements occupy}
    ///
    /// @throws ArithmeticException if the size does not fit a `long`
    public long bytes(long elements) {
        return isPacked() ? Math.ceilDiv(elements, 2L) : Math.multiplyExact(elements, bits / 8);
    }

    /// {@return the natural alignment of an element in bytes}
    public int alignment() {
        return Math.max(1, bits / 8);
    }
}

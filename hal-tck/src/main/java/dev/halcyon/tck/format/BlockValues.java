package dev.halcyon.tck.format;

/// What the elements of a block-scaled matrix are stored as.
///
/// Sources: DeepSeek-V3 inference/kernel.py, `act_quant` (the 8-bit formats); DeepSeek-V4
/// inference/kernel.py (E2M1, whose scale rounds up so that nothing saturates, unlike that of OCP
/// MX); compressed-tensors, `calculate_qparams` (int4: a symmetric range divides by half of its 15
/// steps, and a scale is at least the F32 machine epsilon).
public enum BlockValues {
    /// E4M3, scaled to 448.
    E4M3(8, 448, 1e-4f),
    /// E5M2, scaled to 57344.
    E5M2(8, 57344, 1e-4f),
    /// E2M1, scaled to 6.
    E2M1(4, 6, 6 * 0x1p-126f),
    /// Integers from -8 to 7, scaled to 7.5; the code is the value plus 8.
    INT4(4, 7.5f, 7.5f * 0x1p-23f);

    private static final int INT4_OFFSET = 8;

    private final int bits;
    private final float largest;
    private final float floor;

    BlockValues(int bits, float largest, float floor) {
        this.bits = bits;
        this.largest = largest;
        this.floor = floor;
    }

    /// Width of a code in bits.
    public int bits() {
        return bits;
    }

    /// The magnitude that a block's largest element is scaled to.
    public float largest() {
        return largest;
    }

    /// The magnitude below which a block's largest element does not count as smaller, so that no
    /// scale is zero.
    public float floor() {
        return floor;
    }

    /// The exact value of a code, before scaling.
    ///
    /// @throws IllegalArgumentException if there is no such code
    public double decode(int code) {
        return switch (this) {
            case E4M3 -> FloatFormat.E4M3.decode(code);
            case E5M2 -> FloatFormat.E5M2.decode(code);
            case E2M1 -> FloatFormat.E2M1.decode(code);
            case INT4 -> {
                if (code < 0 || code > 15) {
                    throw new IllegalArgumentException("INT4 has codes 0 to 15, got " + code);
                }
                yield code - INT4_OFFSET;
            }
        };
    }

    /// The code nearest to a scaled element, ties to even, saturating.
    public int encode(double quotient) {
        return switch (this) {
            case E4M3 -> FloatFormat.E4M3.encode(quotient, FloatFormat.Overflow.SATURATE);
            case E5M2 -> FloatFormat.E5M2.encode(quotient, FloatFormat.Overflow.SATURATE);
            // A block with a NaN has no meaning, but its neighbours must still be computed.
            case E2M1 ->
                    Double.isNaN(quotient)
                            ? 0
                            : FloatFormat.E2M1.encode(quotient, FloatFormat.Overflow.SATURATE);
            case INT4 -> (int) Math.clamp(Math.rint(quotient), -8.0, 7.0) + INT4_OFFSET;
        };
    }
}

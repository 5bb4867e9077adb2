package dev.halcyon.backend.cpu.loops;

/// `2^x` in F32 by a polynomial: the constants that every implementation shares, and the plain Java
/// one.
///
/// `2^x = 2^n · p(x - n)` with n the nearest integer; p is the polynomial of degree 6 with the
/// smallest largest relative error over [-1/2, 1/2] among those with p(0) = 1 (2e-9, so rounding is
/// all that shows: 2 units in the last place). A result below the normal numbers is 0, and `2^0` is
/// exactly 1. Made for `x <= 0`, as a softmax needs it; a little above is harmless.
public final class ExpTwo {
    /// Adding this rounds a small float to an integer and leaves it in the low bits.
    public static final float ROUND = 0x1.8p23f;

    /// Bits of [#ROUND].
    public static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

    /// Exponents below this give 0.
    public static final float LOWEST = -126f;

    /// Coefficient of the first power.
    public static final float C1 = 0x1.62e43p-1f;

    /// Coefficient of the second power.
    public static final float C2 = 0x1.ebfbdcp-3f;

    /// Coefficient of the third power.
    public static final float C3 = 0x1.c6aee8p-5f;

    /// Coefficient of the fourth power.
    public static final float C4 = 0x1.3b2d4cp-7f;

    /// Coefficient of the fifth power.
    public static final float C5 = 0x1.5f3e54p-10f;

    /// Coefficient of the sixth power.
    public static final float C6 = 0x1.41fbbcp-13f;

    private static final int EXPONENT_SHIFT = 23;

    private ExpTwo() {}

    /// {@return `2^x`}
    public static float of(float x) {
        if (x < LOWEST) {
            return 0;
        }
        float shifted = x + ROUND;
        int exponent = Float.floatToRawIntBits(shifted) - ROUND_BITS;
        float f = x - (shifted - ROUND);
        float p = C6;
        p = p * f + C5;
        p = p * f + C4;
        p = p * f + C3;
        p = p * f + C2;
        p = p * f + C1;
        p = p * f + 1;
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (exponent << EXPONENT_SHIFT));
    }
}

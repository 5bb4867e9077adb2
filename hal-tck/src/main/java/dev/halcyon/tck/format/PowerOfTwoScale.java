package dev.halcyon.tck.format;

/// E8M0, the unsigned power-of-two scale format: code `c` stands for `2^(c-127)`, code 255 for NaN.
///
/// There is no zero, no sign and no mantissa. Source: OCP microscaling specification; DeepSeek-V4
/// checkpoints store their block scales this way.
public final class PowerOfTwoScale {
    /// The code that stands for NaN.
    public static final int NAN = 255;

    private static final int BIAS = 127;

    private PowerOfTwoScale() {}

    /// The exact value of `code`, 0 to 255.
    ///
    /// @throws IllegalArgumentException if the code is outside 0 to 255
    public static double decode(int code) {
        if (code < 0 || code > NAN) {
            throw new IllegalArgumentException("E8M0 has codes 0 to 255, got " + code);
        }
        return code == NAN ? Double.NaN : Math.scalb(1.0, code - BIAS);
    }

    /// The code of `scale`, which must be a power of two from `2^-127` to `2^127`.
    ///
    /// @throws IllegalArgumentException if the value has no exact code
    public static int encodeExact(double scale) {
        if (scale > 0 && scale <= Math.scalb(1.0, BIAS)) {
            int exponent = Math.getExponent(scale);
            if (exponent >= -BIAS && scale == Math.scalb(1.0, exponent)) {
                return exponent + BIAS;
            }
        }
        throw new IllegalArgumentException(
                "E8M0 holds powers of two from 2^-127 to 2^127, got " + scale);
    }

    /// The smallest power of two that is not below `scale`, found on the bits of the number and not
    /// by a logarithm.
    ///
    /// @throws IllegalArgumentException if `scale` is not positive and finite
    public static double ceiling(double scale) {
        if (!(scale > 0) || Double.isInfinite(scale)) {
            throw new IllegalArgumentException("a scale must be positive and finite, got " + scale);
        }
        double power =
                scale < Double.MIN_NORMAL
                        ? Double.MIN_NORMAL
                        : Math.scalb(1.0, Math.getExponent(scale));
        return power < scale ? power * 2 : power;
    }
}

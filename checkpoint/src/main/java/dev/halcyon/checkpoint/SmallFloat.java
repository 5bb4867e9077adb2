package dev.halcyon.checkpoint;

/// Floating-point formats of at most 16 bits, described by their fields.
///
/// `E4M3` is the "fn" variant of the OCP 8-bit specification: the top exponent holds ordinary
/// numbers and only the all-ones pattern is NaN. The others follow IEEE 754.
enum SmallFloat {
    HALF(5, 10, true),
    BFLOAT(8, 7, true),
    E5M2(5, 2, true),
    E4M3(4, 3, false);

    private final int mantissaBits;
    private final int bias;
    private final boolean hasInfinity;
    private final int signBit;
    private final double largest;

    SmallFloat(int exponentBits, int mantissaBits, boolean hasInfinity) {
        this.mantissaBits = mantissaBits;
        this.hasInfinity = hasInfinity;
        this.bias = (1 << (exponentBits - 1)) - 1;
        this.signBit = 1 << (exponentBits + mantissaBits);
        int topPattern = hasInfinity ? infinityPattern() - 1 : signBit - 2;
        this.largest = magnitude(topPattern);
    }

    double decode(int bits) {
        int pattern = bits & (signBit - 1);
        double magnitude;
        if (hasInfinity && pattern >= infinityPattern()) {
            magnitude = pattern == infinityPattern() ? Double.POSITIVE_INFINITY : Double.NaN;
        } else if (!hasInfinity && pattern == signBit - 1) {
            magnitude = Double.NaN;
        } else {
            magnitude = magnitude(pattern);
        }
        return (bits & signBit) == 0 ? magnitude : -magnitude;
    }

    /// The nearest pattern to `value`, ties to even.
    ///
    /// @throws IllegalArgumentException if a finite value rounds beyond the largest, or the format
    ///   has no infinity for an infinite one
    int encode(double value) {
        if (Double.isNaN(value)) {
            return hasInfinity ? infinityPattern() | (1 << (mantissaBits - 1)) : signBit - 1;
        }
        int sign = Double.doubleToRawLongBits(value) < 0 ? signBit : 0;
        double magnitude = Math.abs(value);
        if (Double.isInfinite(value)) {
            if (!hasInfinity) {
                throw ElementCodec.unfit(this, value);
            }
            return sign | infinityPattern();
        }
        int exponent = Math.max(Math.getExponent(magnitude), 1 - bias);
        // Scaling by a power of two is exact, so rint performs the one rounding of the conversion.
        long units = (long) Math.rint(Math.scalb(magnitude, mantissaBits - exponent));
        double rounded = Math.scalb((double) units, exponent - mantissaBits);
        if (rounded > largest) {
            throw ElementCodec.unfit(this, value);
        }
        // Adding instead of or-ing lets a mantissa that rounded up to 2.0 carry into the exponent.
        int pattern = (int) (((long) (exponent + bias - 1) << mantissaBits) + units);
        return sign | pattern;
    }

    private int infinityPattern() {
        return signBit - (1 << mantissaBits);
    }

    private double magnitude(int pattern) {
        int exponentField = pattern >> mantissaBits;
        int mantissa = pattern & ((1 << mantissaBits) - 1);
        return exponentField == 0
                ? Math.scalb((double) mantissa, 1 - bias - mantissaBits)
                : Math.scalb(
                        (double) (mantissa + (1 << mantissaBits)),
                        exponentField - bias - mantissaBits);
    }
}

package dev.halcyon.tck.format;

/// A binary floating-point format of at most sixteen bits: sign, exponent, mantissa, and a rule for
/// the special codes.
///
/// Codes are the format's bits in the low end of an `int`. Decoding is exact; encoding rounds to
/// nearest, ties to even, in one step from the `double` (no intermediate rounding to F32), keeps
/// subnormals and never flushes to zero.
///
/// Sources: IEEE 754-2019 for F16, BF16 and E5M2; the OCP 8-bit floating point specification for
/// E4M3 (its `fn` form: no infinity, only the all-ones code is NaN); the OCP microscaling
/// specification for E2M1 (no special code at all).
public enum FloatFormat {
    /// Eight bits, largest value 448, no infinity.
    E4M3(4, 3, Specials.NAN_ONLY),
    /// Eight bits, largest finite value 57344.
    E5M2(5, 2, Specials.IEEE),
    /// Four bits, the magnitudes 0, 0.5, 1, 1.5, 2, 3, 4, 6.
    E2M1(2, 1, Specials.NONE),
    /// IEEE half precision.
    F16(5, 10, Specials.IEEE),
    /// The upper half of an IEEE single.
    BF16(8, 7, Specials.IEEE);

    /// Which values the codes with the largest exponent stand for.
    public enum Specials {
        /// All-ones exponent: infinity where the mantissa is zero, NaN elsewhere.
        IEEE,
        /// Only the all-ones code is special, and it is NaN.
        NAN_ONLY,
        /// Every code is a finite number.
        NONE
    }

    /// What becomes of a value that rounds beyond the largest finite one.
    public enum Overflow {
        /// The largest finite value of the same sign, also for infinities.
        SATURATE,
        /// Infinity where the format has it, otherwise NaN, otherwise the largest finite value.
        SPECIAL
    }

    private static final int DOUBLE_MANTISSA_BITS = 52;

    private final int exponentBits;
    private final int mantissaBits;
    private final int bias;
    private final Specials specials;

    FloatFormat(int exponentBits, int mantissaBits, Specials specials) {
        this.exponentBits = exponentBits;
        this.mantissaBits = mantissaBits;
        this.bias = (1 << (exponentBits - 1)) - 1;
        this.specials = specials;
    }

    /// Width of a code in bits, the sign included.
    public int bits() {
        return 1 + exponentBits + mantissaBits;
    }

    /// Number of codes, `2^bits`.
    public int codes() {
        return 1 << bits();
    }

    /// The special values that this format has.
    public Specials specials() {
        return specials;
    }

    /// The code of the largest finite positive value.
    public int maxFiniteCode() {
        int allOnes = (1 << (exponentBits + mantissaBits)) - 1;
        return switch (specials) {
            case IEEE -> (((1 << exponentBits) - 1) << mantissaBits) - 1;
            case NAN_ONLY -> allOnes - 1;
            case NONE -> allOnes;
        };
    }

    /// The largest finite value.
    public double maxFinite() {
        return decode(maxFiniteCode());
    }

    /// The exact value of `code`, whose bits above `bits()` must be zero.
    ///
    /// @throws IllegalArgumentException if the code has more bits than the format
    public double decode(int code) {
        if (code < 0 || code >= codes()) {
            throw new IllegalArgumentException(
                    name() + " has codes 0 to " + (codes() - 1) + ", got " + code);
        }
        int magnitude = code & (signBit() - 1);
        double sign = (code & signBit()) != 0 ? -1.0 : 1.0;
        if (magnitude > maxFiniteCode()) {
            boolean infinite = specials == Specials.IEEE && magnitude == maxFiniteCode() + 1;
            return infinite ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        int exponent = magnitude >>> mantissaBits;
        int mantissa = magnitude & ((1 << mantissaBits) - 1);
        int significand = exponent == 0 ? mantissa : mantissa + (1 << mantissaBits);
        return sign * Math.scalb((double) significand, Math.max(exponent, 1) - bias - mantissaBits);
    }

    /// The code nearest to `value`, ties to the even code.
    ///
    /// A NaN becomes the NaN code of the same sign with the top mantissa bit set.
    ///
    /// @throws IllegalArgumentException if `value` is NaN and the format has no NaN
    public int encode(double value, Overflow overflow) {
        long valueBits = Double.doubleToRawLongBits(value);
        int sign = valueBits < 0 ? signBit() : 0;
        if (Double.isNaN(value)) {
            return sign | nanCode();
        }
        if (Double.isInfinite(value)) {
            return sign | overflowCode(overflow);
        }
        int magnitude = roundMagnitude(valueBits & Long.MAX_VALUE);
        return sign | (magnitude > maxFiniteCode() ? overflowCode(overflow) : magnitude);
    }

    /// `value` rounded to this format and back.
    public double round(double value, Overflow overflow) {
        return decode(encode(value, overflow));
    }

    /// The magnitude's code as if the exponent had no upper limit; the input is the bit pattern of
    /// a finite, non-negative double.
    private int roundMagnitude(long doubleBits) {
        int doubleExponent = (int) (doubleBits >>> DOUBLE_MANTISSA_BITS);
        long significand = doubleBits & ((1L << DOUBLE_MANTISSA_BITS) - 1);
        if (doubleExponent == 0) {
            doubleExponent = 1;
        } else {
            significand |= 1L << DOUBLE_MANTISSA_BITS;
        }
        // value = significand * 2^unit, and the format's grid at this magnitude is 2^(exponent -
        // mantissaBits).
        int unit = doubleExponent - 1023 - DOUBLE_MANTISSA_BITS;
        int exponent = Math.max(doubleExponent - 1023, 1 - bias);
        int dropped = exponent - mantissaBits - unit;
        if (dropped > DOUBLE_MANTISSA_BITS + 2) {
            return 0;
        }
        long kept = significand >>> dropped;
        long rest = significand & ((1L << dropped) - 1);
        long half = 1L << (dropped - 1);
        if (rest > half || (rest == half && (kept & 1) != 0)) {
            kept++;
        }
        // A significand of 2^(mantissaBits+1) carries into the exponent by itself, and so does a
        // subnormal that reaches 2^mantissaBits.
        long code = ((long) (exponent + bias - 1) << mantissaBits) + kept;
        return (int) Math.min(code, maxFiniteCode() + 1L);
    }

    private int signBit() {
        return 1 << (exponentBits + mantissaBits);
    }

    private int nanCode() {
        return switch (specials) {
            case IEEE -> (maxFiniteCode() + 1) | (1 << (mantissaBits - 1));
            case NAN_ONLY -> maxFiniteCode() + 1;
            case NONE -> throw new IllegalArgumentException(name() + " has no code for NaN");
        };
    }

    private int overflowCode(Overflow overflow) {
        return overflow == Overflow.SPECIAL && specials != Specials.NONE
                ? maxFiniteCode() + 1
                : maxFiniteCode();
    }
}

package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.DType;

/// Scalar conversions between `float` and the narrower floating-point formats, rounding to nearest
/// even.
///
/// NaN stays NaN, its payload may change. The 8- and 4-bit formats saturate: a magnitude above the
/// largest finite value, infinity included, becomes that value (what DeepSeek's `act_quant` does by
/// clamping first).
public final class FloatFormats {
    private static final float[] E4M3 = table(FloatFormats::decodeE4m3);
    private static final float[] E5M2 = table(FloatFormats::decodeE5m2);
    private static final float[] E2M1 = {
        0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f, -0f, -0.5f, -1f, -1.5f, -2f, -3f, -4f, -6f
    };

    private FloatFormats() {}

    @FunctionalInterface
    private interface Decoder {
        float decode(int code);
    }

    private static float[] table(Decoder decoder) {
        float[] values = new float[256];
        for (int code = 0; code < 256; code++) {
            values[code] = decoder.decode(code);
        }
        return values;
    }

    /// {@return the value of BF16 bits}
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /// {@return the BF16 bits nearest to `value`}
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fffffff) > 0x7f800000) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /// {@return the value of an E4M3 code}
    public static float e4m3ToFloat(int code) {
        return E4M3[code & 0xff];
    }

    /// {@return the value of an E5M2 code}
    public static float e5m2ToFloat(int code) {
        return E5M2[code & 0xff];
    }

    /// {@return the value of an E8M0 code: `2^(code - 127)`, NaN for 255}
    public static float e8m0ToFloat(int code) {
        int exponent = code & 0xff;
        if (exponent == 255) {
            return Float.NaN;
        }
        return exponent == 0 ? 0x1p-127f : Float.intBitsToFloat(exponent << 23);
    }

    /// {@return the value of an E2M1 nibble}
    public static float e2m1ToFloat(int nibble) {
        return E2M1[nibble & 0xf];
    }

    private static float decodeE4m3(int code) {
        int exponent = code >> 3 & 0xf;
        int mantissa = code & 7;
        float sign = (code & 0x80) == 0 ? 1 : -1;
        if (exponent == 15 && mantissa == 7) {
            return Float.NaN;
        }
        return sign
                * (exponent == 0
                        ? mantissa * 0x1p-9f
                        : (8 + mantissa) * Math.scalb(1f, exponent - 10));
    }

    private static float decodeE5m2(int code) {
        return Float.float16ToFloat((short) (code << 8));
    }

    /// {@return the E4M3 code nearest to `value`, saturating at ±448}
    public static byte floatToE4m3(float value) {
        return encodeSmall(value, 3, 7, 448f, 0x7f);
    }

    /// {@return the E5M2 code nearest to `value`, saturating at ±57,344}
    public static byte floatToE5m2(float value) {
        return encodeSmall(value, 2, 15, 57344f, 0x7f);
    }

    /// {@return the E2M1 nibble nearest to `value`, saturating at ±6; NaN becomes 0}
    public static int floatToE2m1(float value) {
        if (Float.isNaN(value)) {
            return 0;
        }
        return encodeSmall(value, 1, 1, 6f, 0) & 7 | (Float.floatToRawIntBits(value) >>> 28 & 8);
    }

    /// {@return the E8M0 code of a power of two; other positive values round up to the next one}
    public static byte floatToE8m0(float value) {
        if (Float.isNaN(value)) {
            return (byte) 255;
        }
        if (value <= 0x1p-127f) {
            return 0;
        }
        int exponent = Math.getExponent(value);
        if (exponent < Float.MIN_EXPONENT) {
            return 1;
        }
        int code = exponent + 127 + ((Float.floatToRawIntBits(value) & 0x7fffff) == 0 ? 0 : 1);
        return (byte) Math.min(code, 254);
    }

    /// Rounds in two cases: normal numbers by adding half a unit to the binary32 bits, subnormal
    /// ones by letting the addition of a large power of two do it.
    private static byte encodeSmall(
            float value, int mantissaBits, int bias, float largest, int nanCode) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 24 & 0x80;
        float magnitude = Math.abs(value);
        if (Float.isNaN(magnitude)) {
            return (byte) (sign | nanCode);
        }
        magnitude = Math.min(magnitude, largest);
        float smallestNormal = Math.scalb(1f, 1 - bias);
        if (magnitude < smallestNormal) {
            float unit = Math.scalb(1f, 1 - bias - mantissaBits);
            return (byte) (sign | (int) Math.rint(magnitude / unit));
        }
        int raw = Float.floatToRawIntBits(magnitude);
        int shift = 23 - mantissaBits;
        int rounded = raw + (1 << shift - 1) - 1 + (raw >>> shift & 1) >>> shift;
        return (byte) (sign | rounded - (127 - bias << mantissaBits));
    }

    /// {@return `code` of type `dtype`, a float format of at most 16 bits held in the low bits, as
    /// a float}
    ///
    /// @throws IllegalArgumentException if `dtype` is not F16, BF16, an 8-bit or a 4-bit float
    public static float decode(DType dtype, int code) {
        return switch (dtype) {
            case F16 -> Float.float16ToFloat((short) code);
            case BF16 -> bf16ToFloat((short) code);
            case F8_E4M3 -> e4m3ToFloat(code);
            case F8_E5M2 -> e5m2ToFloat(code);
            case F8_E8M0 -> e8m0ToFloat(code);
            case F4_E2M1 -> e2m1ToFloat(code);
            default -> throw new IllegalArgumentException(dtype + " is not a narrow float format");
        };
    }
}

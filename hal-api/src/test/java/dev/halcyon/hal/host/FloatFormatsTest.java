package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.Random;

/// Every code of the narrow formats has the value of its definition, and every number rounds to the
/// nearest of them.
final class FloatFormatsTest {
    /// A format by its definition (OCP 8-bit floating point, OCP microscaling): sign, exponent,
    /// mantissa.
    enum Format {
        E4M3(DType.F8_E4M3, 4, 3, 7, 127),
        E5M2(DType.F8_E5M2, 5, 2, 15, 124),
        E2M1(DType.F4_E2M1, 2, 1, 1, 8);

        final DType dtype;
        final int mantissaBits;
        final int bias;
        final int finiteCodes;
        final int signBit;

        Format(DType dtype, int exponentBits, int mantissaBits, int bias, int finiteCodes) {
            this.dtype = dtype;
            this.mantissaBits = mantissaBits;
            this.bias = bias;
            this.finiteCodes = finiteCodes;
            this.signBit = 1 << exponentBits + mantissaBits;
        }

        /// {@return what a non-negative finite code stands for}
        double value(int code) {
            int exponent = code >> mantissaBits;
            double fraction = (code & (1 << mantissaBits) - 1) / Math.pow(2, mantissaBits);
            return exponent == 0
                    ? fraction * Math.pow(2, 1 - bias)
                    : (1 + fraction) * Math.pow(2, exponent - bias);
        }

        NearestCode nearest() {
            return new NearestCode(finiteCodes, this::value);
        }

        int encode(float value) {
            return switch (this) {
                case E4M3 -> FloatFormats.floatToE4m3(value) & 0xff;
                case E5M2 -> FloatFormats.floatToE5m2(value) & 0xff;
                case E2M1 -> FloatFormats.floatToE2m1(value);
            };
        }
    }

    @Test
    void theLargestValuesAreThoseOfTheStandards() {
        assertEquals(448, Format.E4M3.value(Format.E4M3.finiteCodes - 1));
        assertEquals(57344, Format.E5M2.value(Format.E5M2.finiteCodes - 1));
        assertEquals(6, Format.E2M1.value(Format.E2M1.finiteCodes - 1));
    }

    @ParameterizedTest
    @EnumSource
    void everyFiniteCodeHasItsValue(Format format) {
        for (int code = 0; code < format.finiteCodes; code++) {
            assertSameFloat(
                    (float) format.value(code),
                    FloatFormats.decode(format.dtype, code),
                    "code " + code);
            assertSameFloat(
                    (float) -format.value(code),
                    FloatFormats.decode(format.dtype, code | format.signBit),
                    "-" + code);
        }
    }

    @Test
    void theOtherCodesAreInfinitiesAndNaN() {
        for (int sign : new int[] {0, 0x80}) {
            assertTrue(Float.isNaN(FloatFormats.e4m3ToFloat(sign | 0x7f)));
            assertEquals(
                    sign == 0 ? Float.POSITIVE_INFINITY : Float.NEGATIVE_INFINITY,
                    FloatFormats.e5m2ToFloat(sign | 0x7c));
            for (int code = 0x7d; code <= 0x7f; code++) {
                assertTrue(Float.isNaN(FloatFormats.e5m2ToFloat(sign | code)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyCodeComesBack(Format format) {
        for (int code = 0; code < format.finiteCodes; code++) {
            for (int signed : new int[] {code, code | format.signBit}) {
                assertEquals(signed, format.encode(FloatFormats.decode(format.dtype, signed)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyFloatRoundsToTheNearestCode(Format format) {
        NearestCode nearest = format.nearest();
        for (double critical : nearest.critical()) {
            float value = (float) critical;
            for (float near : new float[] {Math.nextDown(value), value, Math.nextUp(value)}) {
                assertRounds(format, nearest, Math.abs(near));
            }
        }
        Random random = new Random(8);
        for (int i = 0; i < 20_000; i++) {
            assertRounds(
                    format,
                    nearest,
                    Math.abs((float) Math.scalb(random.nextDouble(), random.nextInt(40) - 24)));
        }
        assertRounds(format, nearest, Float.MIN_VALUE);
        assertRounds(format, nearest, Float.MAX_VALUE);
    }

    private static void assertRounds(Format format, NearestCode nearest, float magnitude) {
        int expected = nearest.of(magnitude);
        assertEquals(expected, format.encode(magnitude), () -> format + " of " + magnitude);
        assertEquals(
                expected | format.signBit,
                format.encode(-magnitude),
                () -> format + " of -" + magnitude);
    }

    @Test
    void infinitySaturatesAndNaNStays() {
        assertEquals(
                448, FloatFormats.e4m3ToFloat(FloatFormats.floatToE4m3(Float.POSITIVE_INFINITY)));
        assertEquals(
                -448, FloatFormats.e4m3ToFloat(FloatFormats.floatToE4m3(Float.NEGATIVE_INFINITY)));
        assertEquals(
                57344, FloatFormats.e5m2ToFloat(FloatFormats.floatToE5m2(Float.POSITIVE_INFINITY)));
        assertEquals(
                -57344,
                FloatFormats.e5m2ToFloat(FloatFormats.floatToE5m2(Float.NEGATIVE_INFINITY)));
        assertEquals(
                6, FloatFormats.e2m1ToFloat(FloatFormats.floatToE2m1(Float.POSITIVE_INFINITY)));
        assertEquals(
                -6, FloatFormats.e2m1ToFloat(FloatFormats.floatToE2m1(Float.NEGATIVE_INFINITY)));
        for (int bits : new int[] {0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff}) {
            float nan = Float.intBitsToFloat(bits);
            assertTrue(Float.isNaN(FloatFormats.e4m3ToFloat(FloatFormats.floatToE4m3(nan))));
            assertTrue(Float.isNaN(FloatFormats.e5m2ToFloat(FloatFormats.floatToE5m2(nan))));
            assertTrue(Float.isNaN(FloatFormats.bf16ToFloat(FloatFormats.floatToBf16(nan))));
            assertTrue(Float.isNaN(FloatFormats.e8m0ToFloat(FloatFormats.floatToE8m0(nan))));
            assertEquals(0, FloatFormats.floatToE2m1(nan));
        }
    }

    @Test
    void aBf16IsTheUpperHalfOfAFloat() {
        for (int code = 0; code < 1 << 16; code++) {
            float value = FloatFormats.bf16ToFloat((short) code);
            assertSameFloat(Float.intBitsToFloat(code << 16), value, "code " + code);
            if (!Float.isNaN(value)) {
                assertEquals((short) code, FloatFormats.floatToBf16(value));
            }
        }
    }

    /// Between two neighbours the middle decides, and goes to the even one; beyond the last finite
    /// one lies infinity.
    @Test
    void everyFloatRoundsToTheNearestBf16() {
        int infinity = 0x7f80;
        for (int code = 0; code < infinity; code++) {
            int even = code + code % 2;
            assertEquals(code, roundBf16(code << 16 | 0x0001));
            assertEquals(code, roundBf16(code << 16 | 0x7fff));
            assertEquals(even, roundBf16(code << 16 | 0x8000));
            assertEquals(code + 1, roundBf16(code << 16 | 0x8001));
            assertEquals(code + 1, roundBf16(code << 16 | 0xffff));
            assertEquals(even | 0x8000, roundBf16(code << 16 | 0x80008000));
        }
        assertEquals(infinity, roundBf16(Float.floatToIntBits(Float.POSITIVE_INFINITY)));
    }

    private static int roundBf16(int bits) {
        return FloatFormats.floatToBf16(Float.intBitsToFloat(bits)) & 0xffff;
    }

    @Test
    void anE8m0IsAPowerOfTwo() {
        for (int code = 0; code < 255; code++) {
            float value = FloatFormats.e8m0ToFloat(code);
            assertEquals(Math.pow(2, code - 127), value);
            assertEquals(code, FloatFormats.floatToE8m0(value) & 0xff);
        }
        assertTrue(Float.isNaN(FloatFormats.e8m0ToFloat(255)));
    }

    @Test
    void aScaleRoundsUpToAPowerOfTwoInsideTheFormat() {
        for (int code = 0; code < 254; code++) {
            float value = FloatFormats.e8m0ToFloat(code);
            assertEquals(
                    code + 1,
                    FloatFormats.floatToE8m0(Math.nextUp(value)) & 0xff,
                    "above 2^" + (code - 127));
            assertEquals(code + 1, FloatFormats.floatToE8m0(value * 1.5f) & 0xff);
        }
        assertEquals(254, FloatFormats.floatToE8m0(Float.MAX_VALUE) & 0xff);
        assertEquals(254, FloatFormats.floatToE8m0(Float.POSITIVE_INFINITY) & 0xff);
        assertEquals(0, FloatFormats.floatToE8m0(Float.MIN_VALUE));
        assertEquals(0, FloatFormats.floatToE8m0(0));
        assertEquals(0, FloatFormats.floatToE8m0(-8));
    }

    @Test
    void onlyNarrowFormatsAreDecoded() {
        assertEquals(1, FloatFormats.decode(DType.F16, 0x3c00));
        assertEquals(1, FloatFormats.decode(DType.BF16, 0x3f80));
        assertEquals(2, FloatFormats.decode(DType.F8_E8M0, 128));
        for (DType dtype : new DType[] {DType.F64, DType.F32, DType.I32, DType.I4}) {
            assertTrue(
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> FloatFormats.decode(dtype, 0))
                            .getMessage()
                            .contains(dtype.name()));
        }
    }

    /// Equal as bits, so that -0 is not 0.
    private static void assertSameFloat(float expected, float actual, String what) {
        assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(actual), what);
    }
}

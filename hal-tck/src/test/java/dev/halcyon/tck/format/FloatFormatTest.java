package dev.halcyon.tck.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.tck.format.FloatFormat.Overflow;
import dev.halcyon.tck.format.FloatFormat.Specials;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.SplittableRandom;

class FloatFormatTest {
    @ParameterizedTest
    @EnumSource
    void everyCodeThatIsANumberComesBack(FloatFormat format) {
        for (int code = 0; code < format.codes(); code++) {
            double value = format.decode(code);
            if (!Double.isNaN(value)) {
                assertEquals(
                        code,
                        format.encode(value, Overflow.SPECIAL),
                        "code " + code + " = " + value);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyMidpointGoesToTheEvenCodeAndItsNeighboursToTheNearest(FloatFormat format) {
        int sign = format.codes() / 2;
        for (int code = 0; code < format.maxFiniteCode(); code++) {
            double middle = (format.decode(code) + format.decode(code + 1)) / 2;
            int even = (code & 1) == 0 ? code : code + 1;
            for (Overflow overflow : Overflow.values()) {
                assertEquals(even, format.encode(middle, overflow), "midpoint above code " + code);
                assertEquals(
                        code,
                        format.encode(Math.nextDown(middle), overflow),
                        "below the midpoint above code " + code);
                assertEquals(
                        code + 1,
                        format.encode(Math.nextUp(middle), overflow),
                        "above the midpoint above code " + code);
                assertEquals(
                        sign | even,
                        format.encode(-middle, overflow),
                        "negative midpoint above code " + code);
                assertEquals(sign | code, format.encode(-Math.nextDown(middle), overflow));
                assertEquals(sign | code + 1, format.encode(-Math.nextUp(middle), overflow));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatRoundsBeyondTheLargestValueOverflows(FloatFormat format) {
        int max = format.maxFiniteCode();
        double step = format.decode(max) - format.decode(max - 1);
        double border = format.maxFinite() + step / 2;
        int special = format.specials() == Specials.NONE ? max : max + 1;
        // The tie goes to the even code, which is the largest finite one only where its last bit is
        // zero.
        int atBorder = (max & 1) == 0 ? max : special;
        assertEquals(max, format.encode(Math.nextDown(border), Overflow.SPECIAL));
        assertEquals(atBorder, format.encode(border, Overflow.SPECIAL));
        assertEquals(special, format.encode(Math.nextUp(border), Overflow.SPECIAL));
        assertEquals(special, format.encode(Double.POSITIVE_INFINITY, Overflow.SPECIAL));
        for (double large :
                new double[] {
                    border, Math.nextUp(border), Double.MAX_VALUE, Double.POSITIVE_INFINITY
                }) {
            assertEquals(max, format.encode(large, Overflow.SATURATE));
            assertEquals(format.codes() / 2 | max, format.encode(-large, Overflow.SATURATE));
        }
    }

    @ParameterizedTest
    @EnumSource
    void tinyValuesRoundToASignedZero(FloatFormat format) {
        double smallest = format.decode(1);
        for (double tiny :
                new double[] {0, Double.MIN_VALUE, Double.MIN_NORMAL, smallest / 4, smallest / 2}) {
            assertEquals(0, format.encode(tiny, Overflow.SATURATE), () -> "encoding " + tiny);
            assertEquals(
                    format.codes() / 2,
                    format.encode(-tiny, Overflow.SATURATE),
                    () -> "encoding -" + tiny);
        }
    }

    @ParameterizedTest
    @EnumSource(names = "E2M1", mode = EnumSource.Mode.EXCLUDE)
    void nanStaysNan(FloatFormat format) {
        assertTrue(Double.isNaN(format.round(Double.NaN, Overflow.SATURATE)));
        assertTrue(Double.isNaN(format.decode(format.codes() - 1)));
    }

    @Test
    void aFormatWithoutNanRefusesIt() {
        assertThrows(
                IllegalArgumentException.class,
                () -> FloatFormat.E2M1.encode(Double.NaN, Overflow.SATURATE));
    }

    @Test
    void aCodeOutsideTheFormatIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> FloatFormat.E4M3.decode(256));
        assertThrows(IllegalArgumentException.class, () -> FloatFormat.E4M3.decode(-1));
    }

    @Test
    void halfPrecisionAgreesWithThePlatform() {
        for (int code = 0; code < 1 << 16; code++) {
            assertEquals(Float.float16ToFloat((short) code), (float) FloatFormat.F16.decode(code));
        }
        SplittableRandom random = new SplittableRandom(11);
        for (int i = 0; i < 200_000; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            if (!Float.isNaN(value)) {
                assertEquals(
                        Float.floatToFloat16(value) & 0xffff,
                        FloatFormat.F16.encode(value, Overflow.SPECIAL),
                        () -> "encoding " + value);
            }
        }
    }

    @Test
    void bf16IsTheUpperHalfOfASingle() {
        for (int code = 0; code < 1 << 16; code++) {
            assertEquals(Float.intBitsToFloat(code << 16), (float) FloatFormat.BF16.decode(code));
        }
        SplittableRandom random = new SplittableRandom(12);
        for (int i = 0; i < 200_000; i++) {
            int bits = random.nextInt();
            float value = Float.intBitsToFloat(bits);
            if (!Float.isNaN(value)) {
                // Adding half of the dropped part, less one if the kept part is even, carries
                // exactly when it must.
                int expected = (bits + 0x7fff + (bits >>> 16 & 1)) >>> 16;
                assertEquals(
                        expected,
                        FloatFormat.BF16.encode(value, Overflow.SPECIAL),
                        () -> "encoding " + value);
            }
        }
    }

    @Test
    void aDoubleIsRoundedOnce() {
        // Just above a BF16 midpoint by less than a single's last bit: rounding to F32 first would
        // land on the midpoint and tie down.
        double value = 1 + 0x1p-8 + 0x1p-40;
        assertEquals(1 + 0x1p-7, FloatFormat.BF16.round(value, Overflow.SPECIAL));
        assertEquals(1.0, FloatFormat.BF16.round((float) value, Overflow.SPECIAL));
    }
}

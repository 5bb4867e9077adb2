package dev.halcyon.tck.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

class BlockSchemeTest {
    private static final int ROWS = 5;
    private static final int COLUMNS = 77;

    static List<BlockScheme> schemes() {
        return List.of(
                BlockScheme.FP8_BLOCK_128.withBlock(2, 16),
                BlockScheme.FP8_BLOCK_128.withBlock(3, 32).withRule(ScaleRule.POWER_OF_TWO),
                BlockScheme.FP8_TOKEN_128.withBlock(1, 32),
                new BlockScheme(BlockValues.E5M2, BlockScales.F32, 1, 16, ScaleRule.LINEAR),
                new BlockScheme(BlockValues.E4M3, BlockScales.F16, 1, 16, ScaleRule.LINEAR),
                new BlockScheme(BlockValues.E4M3, BlockScales.E8M0, 1, 16, ScaleRule.POWER_OF_TWO),
                new BlockScheme(BlockValues.E2M1, BlockScales.F32, 1, 16, ScaleRule.LINEAR),
                BlockScheme.FP4_GROUP_32,
                BlockScheme.INT4_GROUP_32);
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void everyElementComesBackWithinHalfAStepOfItsBlock(BlockScheme scheme) {
        double[] x = random(21);
        QuantizedValues quantized = scheme.quantize(x, ROWS, COLUMNS);
        double[] back = scheme.dequantize(quantized, ROWS, COLUMNS);
        for (int i = 0; i < x.length; i++) {
            double scale = quantized.scales()[scheme.block(i, COLUMNS)];
            double step = stepNear(scheme.values(), x[i] / scale) * scale;
            // A scale that was rounded down lets the largest element saturate by as much.
            double slack = Math.abs(x[i]) * 0x1p-7 + step * 0x1p-20;
            int at = i;
            assertTrue(
                    Math.abs(back[i] - x[i]) <= step / 2 + slack,
                    () -> scheme + " at " + at + ": " + x[at] + " became " + back[at]);
        }
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void whatIsOnTheGridComesBackExactly(BlockScheme scheme) {
        double[] x = scheme.dequantize(scheme.quantize(random(22), ROWS, COLUMNS), ROWS, COLUMNS);
        if (scheme.rule() == ScaleRule.POWER_OF_TWO) {
            double[] again = scheme.dequantize(scheme.quantize(x, ROWS, COLUMNS), ROWS, COLUMNS);
            assertArrayEquals(x, again);
        }
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void aBlockOfZerosStaysZero(BlockScheme scheme) {
        double[] zeros = new double[ROWS * COLUMNS];
        QuantizedValues quantized = scheme.quantize(zeros, ROWS, COLUMNS);
        assertArrayEquals(zeros, scheme.dequantize(quantized, ROWS, COLUMNS));
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void aNanStaysInItsBlock(BlockScheme scheme) {
        double[] x = random(23);
        QuantizedValues clean = scheme.quantize(x, ROWS, COLUMNS);
        int hit = scheme.block(COLUMNS + 3, COLUMNS);
        x[COLUMNS + 3] = Double.NaN;
        QuantizedValues dirty = scheme.quantize(x, ROWS, COLUMNS);
        for (int i = 0; i < x.length; i++) {
            if (scheme.block(i, COLUMNS) != hit) {
                assertEquals(clean.codes()[i], dirty.codes()[i], "code " + i);
            }
        }
    }

    @Test
    void fp4ScalesRoundUpSoThatNothingSaturates() {
        double[] x = random(24);
        QuantizedValues quantized = BlockScheme.FP4_GROUP_32.quantize(x, ROWS, COLUMNS);
        for (int i = 0; i < x.length; i++) {
            double scale = quantized.scales()[BlockScheme.FP4_GROUP_32.block(i, COLUMNS)];
            assertTrue(Math.abs(x[i] / scale) <= 6);
            assertEquals(scale, PowerOfTwoScale.decode(PowerOfTwoScale.encodeExact(scale)));
        }
    }

    @Test
    void anInt4GroupReachesMinusEightButNotPlusEight() {
        double[] x = {-7.5, 7.5, 0.5, 1.5, 2.5, -0.5, 0, 3};
        QuantizedValues quantized = BlockScheme.INT4_GROUP_32.quantize(x, 1, x.length);
        assertEquals(1.0, quantized.scales()[0]);
        assertArrayEquals(new int[] {0, 15, 8, 10, 10, 8, 8, 11}, quantized.codes());
    }

    @Test
    void aScaleOutsideE8m0BecomesTheNearestInRange() {
        assertEquals(0x1p-127, BlockScales.E8M0.stored(0x1p-130f));
        assertEquals(0x1p127, BlockScales.E8M0.stored(0x1p127f));
        assertThrows(IllegalArgumentException.class, () -> BlockScales.E8M0.stored(3));
    }

    @Test
    void powersOfTwoAreTheirOwnCeiling() {
        for (int exponent = -1022; exponent <= 1022; exponent++) {
            double power = Math.scalb(1.0, exponent);
            assertEquals(power, PowerOfTwoScale.ceiling(power));
            assertEquals(power * 2, PowerOfTwoScale.ceiling(Math.nextUp(power)));
            if (exponent > -1022) {
                assertEquals(power, PowerOfTwoScale.ceiling(Math.nextDown(power)));
            }
        }
    }

    @Test
    void everyE8m0CodeComesBack() {
        for (int code = 0; code < PowerOfTwoScale.NAN; code++) {
            assertEquals(code, PowerOfTwoScale.encodeExact(PowerOfTwoScale.decode(code)));
        }
        assertThrows(IllegalArgumentException.class, () -> PowerOfTwoScale.encodeExact(0));
        assertThrows(IllegalArgumentException.class, () -> PowerOfTwoScale.encodeExact(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> PowerOfTwoScale.encodeExact(1.5));
        assertThrows(IllegalArgumentException.class, () -> PowerOfTwoScale.encodeExact(0x1p-128));
        assertThrows(IllegalArgumentException.class, () -> PowerOfTwoScale.encodeExact(0x1p128));
    }

    @Test
    void bytesAndWordsHoldTheSameNibbles() {
        SplittableRandom random = new SplittableRandom(25);
        int columns = 24;
        int[] codes = random.ints((long) ROWS * columns, 0, 16).toArray();
        byte[] bytes = Nibbles.toBytes(codes, ROWS, columns);
        int[] words = Nibbles.toWords(codes, ROWS, columns);
        ByteBuffer asBytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(words).forEach(asBytes::putInt);
        assertArrayEquals(asBytes.array(), bytes);
        assertArrayEquals(codes, Nibbles.fromBytes(bytes, ROWS, columns));
        assertArrayEquals(codes, Nibbles.fromWords(words, ROWS, columns));
    }

    @Test
    void rowsOfOddWidthBeginAtAByteOfTheirOwn() {
        int[] codes = {1, 2, 3, 4, 5, 6};
        byte[] bytes = Nibbles.toBytes(codes, 2, 3);
        assertArrayEquals(new byte[] {0x21, 0x03, 0x54, 0x06}, bytes);
        assertArrayEquals(codes, Nibbles.fromBytes(bytes, 2, 3));
        assertThrows(IllegalArgumentException.class, () -> Nibbles.toBytes(new int[] {16}, 1, 1));
    }

    @Test
    void fp4BecomesFp8ExactlyWhileScalesAreCloseEnough() {
        BlockScheme fp4 = BlockScheme.FP4_GROUP_32;
        BlockScheme fp8 = BlockScheme.FP8_BLOCK_128.withBlock(4, 64);
        int rows = 6;
        int columns = 130;
        SplittableRandom random = new SplittableRandom(26);
        int[] codes = random.ints((long) rows * columns, 0, 16).toArray();
        double[] scales =
                random.ints((long) rows * fp4.scaleColumns(columns), -7, 8)
                        .mapToDouble(exponent -> Math.scalb(1.0, exponent))
                        .toArray();
        QuantizedValues source = new QuantizedValues(codes, scales);
        QuantizedValues converted = Fp4ToFp8.convert(source, rows, columns, fp4, fp8);
        assertArrayEquals(
                fp4.dequantize(source, rows, columns), fp8.dequantize(converted, rows, columns));
    }

    @Test
    void sizesThatDoNotFitAreRefused() {
        QuantizedValues tooFewScales = new QuantizedValues(new int[256], new double[1]);
        assertThrows(
                IllegalArgumentException.class,
                () -> BlockScheme.FP8_TOKEN_128.dequantize(tooFewScales, 2, 128));
        assertThrows(
                IllegalArgumentException.class,
                () -> BlockScheme.FP8_TOKEN_128.quantize(new double[3], 2, 2));
        assertThrows(
                IllegalArgumentException.class, () -> BlockScheme.FP8_TOKEN_128.withBlock(0, 1));
    }

    private static double[] random(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] x = new double[ROWS * COLUMNS];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) (random.nextGaussian() * Math.scalb(1.0, i % 9 - 4));
        }
        return x;
    }

    /// The distance of neighbouring values of the format around `quotient`.
    private static double stepNear(BlockValues values, double quotient) {
        double magnitude = Math.abs(quotient);
        return switch (values) {
            case E4M3 -> Math.scalb(1.0, Math.max(exponent(magnitude), -6) - 3);
            case E5M2 -> Math.scalb(1.0, Math.max(exponent(magnitude), -14) - 2);
            case E2M1 -> Math.scalb(1.0, Math.max(exponent(magnitude), 0) - 1);
            case INT4 -> 1;
        };
    }

    private static int exponent(double magnitude) {
        return magnitude == 0 ? -1023 : Math.getExponent(magnitude);
    }
}

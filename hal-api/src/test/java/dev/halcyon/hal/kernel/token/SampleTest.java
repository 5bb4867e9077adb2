package dev.halcyon.hal.kernel.token;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;

class SampleTest {
    private static final Sample GREEDY = Sample.greedy(8, 100, DType.BF16);
    private static final Sample RANDOM = Sample.random(8, 100, DType.BF16);

    private static Tensor logits(long rows) {
        return tensor(DType.BF16, rows, 100);
    }

    private static Sample.Args random(long rows) {
        return Sample.Args.random(
                logits(rows),
                tensor(DType.I64, rows),
                tensor(DType.I32, rows),
                tensor(DType.I32, rows));
    }

    @Test
    void greedyTakesNoParameters() {
        Sample.Args good = Sample.Args.greedy(logits(5), tensor(DType.I32, 5));
        GREEDY.validate(good);
        assertRefused(
                () -> GREEDY.validate(good.withTemperature(tensor(DType.F32, 5))), "temperature");
        assertRefused(() -> GREEDY.validate(good.withTopP(tensor(DType.F32, 5))), "topP");
        assertRefused(() -> GREEDY.validate(good.withTopK(tensor(DType.I32, 5))), "topK");
        assertRefused(() -> GREEDY.validate(random(5)), "seed");
        assertNotEquals(GREEDY, RANDOM);
    }

    @Test
    void randomNeedsSeedAndPositionAndNothingElse() {
        RANDOM.validate(random(5));
        RANDOM.validate(
                random(5)
                        .withTemperature(tensor(DType.F32, 5))
                        .withTopP(tensor(DType.F32, 5))
                        .withTopK(tensor(DType.I32, 5))
                        .withActiveRows(tensor(DType.I32, 1)));
        assertRefused(
                () -> RANDOM.validate(Sample.Args.greedy(logits(5), tensor(DType.I32, 5))),
                "seed",
                "missing");
        assertRefused(
                () -> RANDOM.validate(random(5).withTopK(tensor(DType.F32, 5))),
                "topK",
                "I32",
                "F32");
        assertRefused(
                () -> RANDOM.validate(random(5).withTemperature(tensor(DType.F32, 4))),
                "temperature",
                "[4]");
    }

    @Test
    void refusesRowsThatDoNotFit() {
        assertRefused(() -> RANDOM.validate(random(9)), "logits", "9", "8");
        assertRefused(
                () -> GREEDY.validate(Sample.Args.greedy(logits(5), tensor(DType.I32, 4))),
                "ids",
                "4",
                "5");
        assertRefused(() -> Sample.greedy(8, 0, DType.F32), "vocab", "0");
    }

    @Test
    void readsTheLogitsOnce() {
        assertEquals(new Cost(8 * 100, 2 * 8 * 100 + 4 * 8), GREEDY.cost());
        assertEquals(new Cost(4 * 8 * 100, 2 * 8 * 100 + 4 * 8 + 12 * 8), RANDOM.cost());
    }

    /// The documented formula in unbounded integers, reduced modulo 2^64 after each step.
    @Test
    void uniformIsTheDocumentedFunction() {
        for (long seed : new long[] {0, 1, -1, Long.MIN_VALUE, 0x123456789ABCDEFL}) {
            for (int position :
                    new int[] {0, 1, 2, 1000, Integer.MAX_VALUE, -1, Integer.MIN_VALUE}) {
                BigInteger gamma = new BigInteger("9E3779B97F4A7C15", 16);
                BigInteger first = mix(wrap(BigInteger.valueOf(seed).add(gamma)));
                BigInteger counter = BigInteger.valueOf(position).add(BigInteger.ONE);
                BigInteger second = mix(wrap(first.add(counter.multiply(gamma))));
                double expected = Math.scalb(second.shiftRight(11).doubleValue(), -53);
                assertEquals(
                        expected,
                        Sample.uniform(seed, position),
                        "seed " + seed + ", position " + position);
            }
        }
    }

    private static BigInteger mix(BigInteger value) {
        BigInteger z =
                wrap(
                        value.xor(value.shiftRight(30))
                                .multiply(new BigInteger("BF58476D1CE4E5B9", 16)));
        z = wrap(z.xor(z.shiftRight(27)).multiply(new BigInteger("94D049BB133111EB", 16)));
        return z.xor(z.shiftRight(31));
    }

    private static BigInteger wrap(BigInteger value) {
        return value.mod(BigInteger.ONE.shiftLeft(64));
    }

    /// Means and bucket counts of 100,000 numbers, with bounds at six standard deviations: no
    /// chance of a false alarm.
    @Test
    void uniformFillsTheUnitIntervalAlongPositionsAndAlongSeeds() {
        int count = 100_000;
        int[] byPosition = new int[10];
        int[] bySeed = new int[10];
        double product = 0;
        for (int i = 0; i < count; i++) {
            double along = Sample.uniform(42, i);
            double across = Sample.uniform(i, 7);
            assertTrue(along >= 0 && along < 1, "position " + i + " gave " + along);
            byPosition[(int) (along * 10)]++;
            bySeed[(int) (across * 10)]++;
            product += (along - 0.5) * (Sample.uniform(43, i) - 0.5);
        }
        double deviation = Math.sqrt(count * 0.1 * 0.9);
        for (int bucket = 0; bucket < 10; bucket++) {
            assertEquals(
                    count / 10.0,
                    byPosition[bucket],
                    6 * deviation,
                    "bucket " + bucket + " by position");
            assertEquals(
                    count / 10.0, bySeed[bucket], 6 * deviation, "bucket " + bucket + " by seed");
        }
        assertEquals(0, product, 6 * Math.sqrt(count) / 12, "neighbouring seeds are correlated");
    }
}

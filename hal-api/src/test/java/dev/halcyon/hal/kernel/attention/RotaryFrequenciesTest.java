package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RotaryFrequenciesTest {
    private static final RotaryFrequencies V3 =
            RotaryFrequencies.yarn(64, 1e4, 40, 4096, 32, 1, 1, 1);

    /// The released configurations, with the ramp and the softmax scale that their own reference
    /// code computes.
    @ParameterizedTest(name = "{0}")
    @CsvSource(
            textBlock =
                    """
                    V2-Lite,       1e4,   40, 4096,  32, 1, 0.707, 10, 23, 1.589626, 192, 0.114721
                    V3,            1e4,   40, 4096,  32, 1, 1,     10, 23, 1.873854, 192, 0.135234
                    Kimi-K2,       5e4,   32, 4096,  1,  1, 1,     19, 20, 1.813260, 192, 0.130861
                    Kimi-K2-0905,  5e4,   64, 4096,  1,  1, 1,     19, 20, 2.004740, 192, 0.144680
                    Kimi-K2.5,     5e4,   64, 4096,  32, 1, 1,     8,  20, 2.004740, 192, 0.144680
                    V4,            1.6e5, 16, 65536, 32, 1, 0,     15, 25, 1,        512, 0.0441942
                    """)
    void releasedModelsRampAndScaleAsTheirReferenceDoes(
            String model,
            double theta,
            double factor,
            int context,
            double fast,
            double slow,
            double mscale,
            double low,
            double high,
            double factorOfScale,
            int keyDim,
            double softmaxScale) {
        RotaryFrequencies yarn =
                RotaryFrequencies.yarn(64, theta, factor, context, fast, slow, mscale, mscale);
        assertEquals(low, yarn.rampStart(), model);
        assertEquals(high, yarn.rampEnd(), model);
        assertEquals(factorOfScale, yarn.softmaxFactor(), 5e-7, model);
        assertEquals(softmaxScale, yarn.softmaxFactor() / Math.sqrt(keyDim), 5e-7, model);
        assertEquals(1, yarn.magnitude(), model);
    }

    @Test
    void plainFrequenciesAreAGeometricSequence() {
        RotaryFrequencies plain = RotaryFrequencies.plain(64, 1e4);
        assertEquals(1, plain.inverseFrequency(0));
        double ratio = Math.pow(1e4, -1 / 32.0);
        for (int i = 1; i < 32; i++) {
            assertEquals(
                    ratio,
                    plain.inverseFrequency(i) / plain.inverseFrequency(i - 1),
                    1e-14,
                    "pair " + i);
        }
        assertEquals(1, plain.magnitude());
        assertEquals(1, plain.softmaxFactor());
    }

    @Test
    void yarnLeavesFastPairsAndStretchesSlowOnesInFull() {
        RotaryFrequencies plain = RotaryFrequencies.plain(64, 1e4);
        for (int i = 0; i <= 10; i++) {
            assertEquals(plain.inverseFrequency(i), V3.inverseFrequency(i), "pair " + i);
        }
        for (int i = 23; i < 32; i++) {
            assertEquals(
                    plain.inverseFrequency(i) / 40, V3.inverseFrequency(i), 1e-18, "pair " + i);
        }
    }

    /// Pair 15 lies 5 of 13 pairs into the ramp, and `1e4^(-30/64)` is 0.01333521432.
    @Test
    void yarnBlendsBetween() {
        double plain = 0.013335214321633240;
        assertEquals(plain * (5.0 / 13 / 40 + 8.0 / 13), V3.inverseFrequency(15), 1e-15);
        double last = Double.MAX_VALUE;
        for (int i = 0; i < 32; i++) {
            assertTrue(V3.inverseFrequency(i) < last, "pair " + i);
            last = V3.inverseFrequency(i);
        }
    }

    /// A context of 6 tokens is less than one turn, so both ends are cut at pair 0.
    @Test
    void aRampWithoutLengthIsAStep() {
        RotaryFrequencies step = RotaryFrequencies.yarn(64, 1e4, 40, 6, 1, 1);
        assertEquals(0, step.rampStart());
        assertEquals(0.001, step.rampEnd());
        assertEquals(1, step.inverseFrequency(0));
        assertEquals(
                RotaryFrequencies.plain(64, 1e4).inverseFrequency(1) / 40,
                step.inverseFrequency(1),
                1e-18);
    }

    @Test
    void theRampEndsNoLaterThanTheRun() {
        assertEquals(63, RotaryFrequencies.yarn(64, 1.1, 40, 4096, 32, 1).rampEnd());
    }

    @Test
    void magnitudeIsTheRatioOfBothScales() {
        RotaryFrequencies uneven = V3.withMscale(1, 0);
        assertEquals(0.1 * Math.log(40) + 1, uneven.magnitude(), 1e-15);
        assertEquals(1, uneven.softmaxFactor());
        RotaryFrequencies inverse = V3.withMscale(0, 1);
        assertEquals(1 / (0.1 * Math.log(40) + 1), inverse.magnitude(), 1e-15);
        assertEquals(1.873854, inverse.softmaxFactor(), 5e-7);
    }

    @Test
    void withoutStretchNothingElseMatters() {
        RotaryFrequencies plain = RotaryFrequencies.plain(64, 1e4);
        assertEquals(plain, RotaryFrequencies.yarn(64, 1e4, 1, 4096, 32, 1, 1, 1));
        assertEquals(plain.hashCode(), RotaryFrequencies.yarn(64, 1e4, 1, 4096, 32, 1).hashCode());
        assertNotEquals(plain, V3);
        assertEquals(V3, RotaryFrequencies.yarn(64, 1e4, 40, 4096, 32, 1).withMscale(1, 1));
    }

    @Test
    void refusesWhatTurnsNothing() {
        assertRefused(() -> RotaryFrequencies.plain(63, 1e4), "dim", "63");
        assertRefused(() -> RotaryFrequencies.plain(0, 1e4), "dim", "0");
        assertRefused(() -> RotaryFrequencies.plain(64, 1), "theta", "1.0");
        assertRefused(() -> RotaryFrequencies.plain(64, Double.NaN), "theta", "NaN");
        assertRefused(() -> RotaryFrequencies.yarn(64, 1e4, 0.5, 4096, 32, 1), "factor", "0.5");
        assertRefused(() -> RotaryFrequencies.yarn(64, 1e4, 40, 0, 32, 1), "originalContext", "0");
        assertRefused(
                () -> RotaryFrequencies.yarn(64, 1e4, 40, 4096, 1, 32), "betaFast", "32.0", "1.0");
        assertRefused(() -> RotaryFrequencies.yarn(64, 1e4, 40, 4096, 32, 0), "betaSlow", "0.0");
        assertRefused(() -> V3.withMscale(Double.NaN, 1), "mscale", "NaN");
        assertRefused(() -> V3.inverseFrequency(32), "i must be between 0 and 31", "32");
        assertRefused(() -> V3.inverseFrequency(-1), "-1");
    }
}

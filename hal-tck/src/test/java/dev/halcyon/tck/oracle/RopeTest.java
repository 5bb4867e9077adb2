package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.dot;
import static dev.halcyon.tck.oracle.Numbers.gaussian;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RopeTest {
    private static final Yarn V3 = new Yarn(40, 4096, 32, 1, 1, 1);

    @ParameterizedTest
    @EnumSource
    void theInverseUndoesTheRotation(Rope.Layout layout) {
        RopeTable table = RopeTable.of(8, 10_000, V3);
        double[] x = gaussian(1, 8);
        double[] turned = x.clone();
        Rope.rotate(turned, 0, table, 12_345, layout, Rope.Direction.FORWARD);
        Rope.rotate(turned, 0, table, 12_345, layout, Rope.Direction.INVERSE);
        assertClose(x, turned);
    }

    @ParameterizedTest
    @EnumSource
    void productsDependOnTheDistanceOfPositionsAlone(Rope.Layout layout) {
        RopeTable table = RopeTable.of(16, 10_000, null);
        double[] q = gaussian(2, 16);
        double[] k = gaussian(3, 16);
        assertEquals(
                product(q, 7, k, 3, table, layout), product(q, 104, k, 100, table, layout), 1e-12);
    }

    @Test
    void theTwoLayoutsAreTheSameUpToAPermutation() {
        RopeTable table = RopeTable.of(6, 10_000, null);
        double[] interleaved = gaussian(4, 6);
        double[] split = new double[6];
        for (int i = 0; i < 3; i++) {
            split[i] = interleaved[2 * i];
            split[i + 3] = interleaved[2 * i + 1];
        }
        Rope.rotate(interleaved, 0, table, 9, Rope.Layout.INTERLEAVED, Rope.Direction.FORWARD);
        Rope.rotate(split, 0, table, 9, Rope.Layout.HALF_SPLIT, Rope.Direction.FORWARD);
        for (int i = 0; i < 3; i++) {
            assertEquals(interleaved[2 * i], split[i]);
            assertEquals(interleaved[2 * i + 1], split[i + 3]);
        }
    }

    @Test
    void onlyTheNamedPartOfAHeadTurns() {
        double[] x = gaussian(5, 2, 3, 7);
        double[] before = x.clone();
        RopeTable table = RopeTable.of(4, 100, null);
        Rope.rotateHeads(
                x,
                3,
                7,
                2,
                new int[] {0, 5},
                table,
                Rope.Layout.INTERLEAVED,
                Rope.Direction.FORWARD);
        for (int i = 0; i < x.length; i++) {
            boolean untouched = i / 21 == 0 || i % 7 < 2 || i % 7 == 6;
            assertEquals(untouched, before[i] == x[i], "element " + i);
        }
    }

    /// Rows of the published configurations: theta, factor, original length, betas, the edges of
    /// the ramp and the softmax factor.
    @ParameterizedTest
    @CsvSource({
        "V2-Lite,  1e4,   40, 4096,  32, 1, 0.707, 10, 23, 1.589626, 192, 0.114721",
        "V3,       1e4,   40, 4096,  32, 1, 1,     10, 23, 1.873854, 192, 0.135234",
        "K2,       5e4,   32, 4096,  1,  1, 1,     19, 20, 1.813260, 192, 0.130861",
        "K2-0905,  5e4,   64, 4096,  1,  1, 1,     19, 20, 2.004740, 192, 0.144680",
        "K2.5,     5e4,   64, 4096,  32, 1, 1,     8,  20, 2.004740, 192, 0.144680",
        "V4,       1.6e5, 16, 65536, 32, 1, 0,     15, 25, 1,        512, 0.0441942",
    })
    void publishedModelsHaveThePublishedTables(
            String model,
            double theta,
            double factor,
            double length,
            double fast,
            double slow,
            double mscale,
            int low,
            int high,
            double softmaxFactor,
            int width,
            double scale) {
        Yarn yarn = new Yarn(factor, length, fast, slow, mscale, mscale);
        assertEquals(softmaxFactor, yarn.softmaxFactor(), 1e-6, model);
        assertEquals(scale, yarn.softmaxFactor() / Math.sqrt(width), 1e-6, model);
        assertEquals(1, yarn.attentionFactor());
        double[] plain = RopeTable.of(64, theta, null).inverseFrequencies();
        double[] stretched = RopeTable.of(64, theta, yarn).inverseFrequencies();
        for (int i = 0; i < plain.length; i++) {
            double ramp = i <= low ? 0 : i >= high ? 1 : (double) (i - low) / (high - low);
            assertEquals(
                    plain[i] * (1 - ramp + ramp / factor),
                    stretched[i],
                    plain[i] * 1e-14,
                    model + " pair " + i);
        }
    }

    @Test
    void equalEdgesOfTheRampBecomeAStep() {
        // A length of 2π turns the first pair exactly once, which puts both edges on it.
        Yarn yarn = Yarn.withoutMscale(4, 2 * Math.PI, 1, 1);
        double[] frequencies = RopeTable.of(8, 10, yarn).inverseFrequencies();
        assertEquals(1, frequencies[0]);
        assertEquals(Math.pow(10, -0.25) / 4, frequencies[1], 1e-15);
    }

    @Test
    void mscaleScalesCosAndSin() {
        RopeTable table = RopeTable.of(4, 100, new Yarn(40, 64, 32, 1, 1, 0));
        assertEquals(0.1 * Math.log(40) + 1, table.cos(0, 0), 1e-15);
        assertEquals(1, new Yarn(1, 64, 32, 1, 1, 1).softmaxFactor());
    }

    @Test
    void anOddNumberOfValuesIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> RopeTable.of(5, 10_000, null));
        assertThrows(IllegalArgumentException.class, () -> Yarn.withoutMscale(0, 4096, 32, 1));
    }

    private static double product(
            double[] q, int i, double[] k, int j, RopeTable table, Rope.Layout layout) {
        double[] a = q.clone();
        double[] b = k.clone();
        Rope.rotate(a, 0, table, i, layout, Rope.Direction.FORWARD);
        Rope.rotate(b, 0, table, j, layout, Rope.Direction.FORWARD);
        return dot(a, b);
    }
}

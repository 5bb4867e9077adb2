package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.stream.IntStream;

class SamplingTest {
    private static final double NAN = Double.NaN;

    @Test
    void theOrderIsScoreThenIndexThenNan() {
        double[] scores = {1, NAN, 3, -0.0, 3, 0.0, Double.NEGATIVE_INFINITY};
        assertArrayEquals(new int[] {2, 4, 0, 3, 5, 6, 1}, Ranking.order(scores, 0, scores.length));
        assertEquals(2, Ranking.best(scores, 0, scores.length));
        assertEquals(1, Ranking.best(new double[] {NAN, -7}, 0, 2));
        assertEquals(0, Ranking.best(new double[] {NAN, NAN}, 0, 2));
        assertEquals(-1, Ranking.best(scores, 0, 0));
    }

    @Test
    void withoutFiltersTheDistributionIsTheSoftmax() {
        double[] logits = gaussian(1, 9);
        double[] softmax = new double[9];
        Softmax.apply(logits, 0, 9, softmax);
        assertClose(softmax, Sampling.distribution(logits, 1, 0, 1));
        assertClose(softmax, Sampling.distribution(logits, 1, 0, NAN));
        assertClose(softmax, Sampling.distribution(logits, 1, 100, 2));
    }

    @Test
    void topKKeepsTheSmallerIdOfATie() {
        double[] kept = Sampling.distribution(new double[] {0, 1, 1, 1}, 1, 2, 1);
        assertClose(new double[] {0, 0.5, 0.5, 0}, kept);
    }

    @Test
    void topPKeepsTheShortestPrefixThatReachesIt() {
        double[] logits = {Math.log(0.1), Math.log(0.5), Math.log(0.15), Math.log(0.25)};
        assertClose(new double[] {0, 1, 0, 0}, Sampling.distribution(logits, 1, 0, 0.49));
        assertClose(
                new double[] {0, 2.0 / 3, 0, 1.0 / 3}, Sampling.distribution(logits, 1, 0, 0.7));
        assertClose(new double[] {0, 1, 0, 0}, Sampling.distribution(logits, 1, 0, -3));
        // After top-k of two the probabilities are 2/3 and 1/3, so 0.6 is reached by one.
        assertClose(new double[] {0, 1, 0, 0}, Sampling.distribution(logits, 1, 2, 0.6));
    }

    @Test
    void withoutATemperatureTheLikeliestTakesAll() {
        for (double temperature : new double[] {0, -1, NAN}) {
            assertClose(
                    new double[] {0, 0, 1},
                    Sampling.distribution(new double[] {NAN, 1, 2}, temperature, 0, 1));
        }
        double[] infinite = {1, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY};
        assertClose(new double[] {0, 1, 0}, Sampling.distribution(infinite, 1, 0, 1));
        assertClose(new double[] {1, 0}, Sampling.distribution(new double[] {NAN, NAN}, 1, 0, 1));
    }

    @Test
    void aHigherTemperatureIsFlatter() {
        double[] logits = {0, 1, 3};
        assertTrue(
                Sampling.distribution(logits, 2, 0, 1)[2]
                        < Sampling.distribution(logits, 1, 0, 1)[2]);
        assertClose(
                Sampling.distribution(new double[] {0, 2, 6}, 2, 0, 1),
                Sampling.distribution(logits, 1, 0, 1));
    }

    @Test
    void theDrawFollowsTheCumulativeProbability() {
        double[] p = {0, 0.25, 0, 0.5, 0.25, 0};
        assertEquals(1, Sampling.draw(p, 0));
        assertEquals(1, Sampling.draw(p, Math.nextDown(0.25)));
        assertEquals(3, Sampling.draw(p, 0.25));
        assertEquals(4, Sampling.draw(p, 0.75));
        assertEquals(4, Sampling.draw(p, Math.nextDown(1.0)));
        assertEquals(4, Sampling.draw(new double[] {0, 0, 0, 0, 0.5, 0}, 0.9));
        assertEquals(0.05, Sampling.margin(p, 0.3), 1e-15);
    }

    @Test
    void frequenciesOfDrawsApproachTheDistribution() {
        double[] p = Sampling.distribution(new double[] {0, 1, 2}, 1, 0, 1);
        int draws = 100_000;
        double[] counted = new double[3];
        for (int position = 0; position < draws; position++) {
            counted[Sampling.draw(p, Sampling.uniform(42, position))] += 1.0 / draws;
        }
        assertClose(p, counted, 0.01);
    }

    @Test
    void uniformNumbersDependOnSeedAndPosition() {
        double[] some =
                IntStream.range(-5, 1000).mapToDouble(i -> Sampling.uniform(7, i)).toArray();
        assertTrue(Arrays.stream(some).allMatch(u -> u >= 0 && u < 1));
        assertEquals(some.length, Arrays.stream(some).distinct().count());
        assertTrue(Sampling.uniform(7, 0) != Sampling.uniform(8, 0));
        // A multiple of 2^-53 is a whole number after scaling.
        assertTrue(Arrays.stream(some).allMatch(u -> u * 0x1p53 == Math.rint(u * 0x1p53)));
    }
}

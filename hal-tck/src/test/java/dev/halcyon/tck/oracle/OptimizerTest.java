package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.tck.oracle.Muon.MomentumForm;
import dev.halcyon.tck.oracle.Muon.UpdateScale;
import dev.halcyon.tck.oracle.NewtonSchulz.NormRule;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;

class OptimizerTest {
    private final NewtonSchulz keller = NewtonSchulz.kellerJordan();

    @Test
    void singularValuesGoThroughTheScalarMap() {
        double[] diagonal = {3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0.2, 0};
        double norm = Math.sqrt(9 + 1 + 0.04) + 1e-7;
        double[] out = keller.apply(diagonal, 3, 4);
        double[] expected = new double[12];
        int at = 0;
        for (double sigma : new double[] {3, 1, 0.2}) {
            double mapped = sigma / norm;
            for (Coefficients step : keller.steps()) {
                mapped = step.map(mapped);
            }
            expected[at] = mapped;
            at += 5;
        }
        assertClose(expected, out);
    }

    @Test
    void tallIsTheTransposeOfWide() {
        double[] wide = gaussian(1, 3, 5);
        double[] tall = new double[15];
        for (int i = 0; i < 15; i++) {
            tall[i % 5 * 3 + i / 5] = wide[i];
        }
        double[] a = keller.apply(wide, 3, 5);
        double[] b = keller.apply(tall, 5, 3);
        for (int i = 0; i < 15; i++) {
            assertEquals(a[i], b[i % 5 * 3 + i / 5]);
        }
    }

    @Test
    void theGramFormIsTheSamePolynomial() {
        for (int restart : new int[] {0, 1, 2, 5}) {
            double[] wide = gaussian(2, 4, 9);
            assertClose(keller.apply(wide, 4, 9), keller.applyGram(wide, 4, 9, restart), 1e-11);
            assertClose(keller.apply(wide, 9, 4), keller.applyGram(wide, 9, 4, restart), 1e-11);
            assertClose(keller.apply(wide, 6, 6), keller.applyGram(wide, 6, 6, restart), 1e-11);
        }
    }

    @Test
    void oneRowOfAStepIsThatRowOfTheWholeStep() {
        double[] x = keller.normalise(gaussian(3, 4, 7));
        double[] whole = NewtonSchulz.step(x, 4, 7, Coefficients.KELLER_JORDAN);
        for (int row = 0; row < 4; row++) {
            double[] expected = Arrays.copyOfRange(whole, row * 7, row * 7 + 7);
            assertClose(expected, NewtonSchulz.stepRow(x, 4, 7, Coefficients.KELLER_JORDAN, row));
        }
    }

    @Test
    void theTenStepsOfV4ConvergeToOneAndFiveOfKellersStayNearIt() {
        double lowest = 2;
        double highest = 0;
        double lowestKeller = 2;
        double highestKeller = 0;
        for (int i = 0; i <= 10_000; i++) {
            double sigma = Math.pow(10, -3 + 3e-4 * i);
            double v4 = sigma;
            for (Coefficients step : Coefficients.deepSeekV4()) {
                v4 = step.map(v4);
            }
            lowest = Math.min(lowest, v4);
            highest = Math.max(highest, v4);
            double five = sigma;
            for (Coefficients step : keller.steps()) {
                five = step.map(five);
            }
            if (sigma >= 0.01) {
                lowestKeller = Math.min(lowestKeller, five);
                highestKeller = Math.max(highestKeller, five);
            }
        }
        assertEquals(10, Coefficients.deepSeekV4().size());
        assertTrue(lowest >= 0.99995 && highest <= 1.00065, lowest + " to " + highest);
        assertEquals(0.682, lowestKeller, 5e-4);
        assertEquals(1.134, highestKeller, 5e-4);
    }

    @Test
    void epsIsAddedOrClamps() {
        double[] tiny = {3e-8, 4e-8};
        List<Coefficients> none = List.of();
        assertClose(
                new double[] {0.2, 4.0 / 15},
                new NewtonSchulz(none, NormRule.ADD_EPS, 1e-7).apply(tiny, 1, 2));
        assertClose(
                new double[] {0.3, 0.4},
                new NewtonSchulz(none, NormRule.CLAMP_MIN, 1e-7).apply(tiny, 1, 2));
        assertClose(new double[6], keller.apply(new double[6], 2, 3));
    }

    @Test
    void aRunningMeanAndADecayingSumPointTheSameWay() {
        Muon sum = Muon.moonlight(0.9, true, 5, 0);
        Muon mean = new Muon(0.9, MomentumForm.EMA, true, sum.orthogonalise(), sum.scale(), 0);
        Muon.State a = new Muon.State(new double[12], new double[12]);
        Muon.State b = a;
        for (int step = 0; step < 3; step++) {
            double[] gradient = gaussian(10 + step, 3, 4);
            a = sum.step(a, gradient, 3, 4, 0.1);
            b = mean.step(b, gradient, 3, 4, 0.1);
        }
        assertClose(a.parameter(), b.parameter(), 1e-6);
        double[] scaled = Arrays.stream(a.momentum()).map(m -> m * (1 - 0.9)).toArray();
        assertClose(scaled, b.momentum());
    }

    @Test
    void decayUsesTheLearningRateAndNotTheScale() {
        Muon muon = Muon.deepSeekV4(0.95, 0.1);
        Muon.State after =
                muon.step(
                        new Muon.State(new double[] {2, 3}, new double[2]),
                        new double[2],
                        1,
                        2,
                        0.5);
        assertClose(new double[] {2 * 0.95, 3 * 0.95}, after.parameter());
    }

    @Test
    void scalesAreThoseOfTheirSources() {
        assertEquals(2, new UpdateScale.TallRatio().of(8, 2));
        assertEquals(1, new UpdateScale.TallRatio().of(2, 8));
        assertEquals(0.2 * 3, new UpdateScale.LargerSide(0.2).of(9, 4), 1e-15);
        assertEquals(0.5, new UpdateScale.SideRatio().of(2, 8));
        assertEquals(1, new UpdateScale.None().of(7, 3));
        Muon torch = Muon.torch(0.95, true, 5, new UpdateScale.TallRatio(), 0.1);
        assertEquals(NormRule.CLAMP_MIN, torch.orthogonalise().norm());
        assertEquals(MomentumForm.EMA, torch.form());
    }

    @Test
    void theFirstStepOfAdamIsTheSignOfTheGradient() {
        AdamW adam = new AdamW(0.9, 0.95, 1e-20, 0.1, AdamW.EpsPlace.AFTER_CORRECTION);
        double[] gradient = {3, -0.001, 1e-9};
        AdamW.State state = AdamW.State.initial(new double[] {1, 1, 1});
        assertClose(
                new double[] {0.99 - 0.1, 0.99 + 0.1, 0.99 - 0.1},
                adam.step(state, gradient, 0.1, 1).parameter());
        assertArrayEquals(new double[] {1, 1, 1}, state.parameter());
        assertThrows(IllegalArgumentException.class, () -> adam.step(state, gradient, 0.1, 0));
    }

    @Test
    void withoutEpsTheTwoFormsOfAdamAgree() {
        AdamW torch = new AdamW(0.9, 0.99, 0, 0.1, AdamW.EpsPlace.AFTER_CORRECTION);
        AdamW moonlight = new AdamW(0.9, 0.99, 0, 0.1, AdamW.EpsPlace.BEFORE_CORRECTION);
        AdamW.State a = AdamW.State.initial(gaussian(20, 5));
        AdamW.State b = a;
        for (int step = 1; step <= 4; step++) {
            double[] gradient = gaussian(20 + step, 5);
            a = torch.step(a, gradient, 0.01, step);
            b = moonlight.step(b, gradient, 0.01, step);
        }
        assertClose(a.parameter(), b.parameter());
    }

    @Test
    void clippedHeadsLoseAsMuchAsTheirLogitIsTooLarge() {
        MlaShape shape = new MlaShape(4, 3, 0, 2, 2, 2, 1);
        QkClip clip = new QkClip(10, 0.25);
        double[] factors = clip.factors(new double[] {40, 10, Double.NEGATIVE_INFINITY});
        assertArrayEquals(new double[] {0.25, 1, 1}, factors);
        assertArrayEquals(new double[] {1, 1, 1}, clip.factors(new double[] {-50, Double.NaN, 3}));
        double[] ones = new double[12];
        Arrays.fill(ones, 1);
        double quarter = Math.pow(0.25, 0.25);
        assertClose(
                new double[] {quarter, quarter, 0.25, 0.25, 1, 1, 1, 1, 1, 1, 1, 1},
                clip.clipQuery(ones, shape, factors));
        double[] keyValue = new double[18];
        Arrays.fill(keyValue, 1);
        double[] clipped = clip.clipKeyValue(keyValue, shape, factors);
        double rest = Math.pow(0.25, 0.75);
        assertClose(new double[] {rest, rest, rest, rest, 1, 1}, Arrays.copyOf(clipped, 6));
        assertClose(Arrays.copyOf(keyValue, 12), Arrays.copyOfRange(clipped, 6, 18));
    }
}

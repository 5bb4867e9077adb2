package dev.halcyon.hal.kernel.optimizer;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;

/// What Newton-Schulz does to a matrix, its steps do to each singular value, and that is known for
/// every published list. Polar Express is optimal on singular values from 0.001 on, so without
/// safety it misses 1 by as much on both sides.
class CoefficientsTest {
    static List<Arguments> lists() {
        return List.of(
                Arguments.of("KELLER_JORDAN", Coefficients.KELLER_JORDAN, 1e-2, 0.682, 1.134),
                Arguments.of("KELLER_JORDAN", Coefficients.KELLER_JORDAN, 1e-3, 0.471, 1.202),
                Arguments.of("DEEPSEEK_V4", Coefficients.DEEPSEEK_V4, 1e-3, 1.0000, 1.0006),
                Arguments.of(
                        "POLAR_EXPRESS, five without safety",
                        Coefficients.polarExpress(5, 1),
                        1e-3,
                        0.8764,
                        1.1236),
                Arguments.of(
                        "POLAR_EXPRESS, five",
                        Coefficients.polarExpress(5, 1.01),
                        1e-3,
                        0.8462,
                        1.1236),
                Arguments.of("POLAR_EXPRESS", Coefficients.POLAR_EXPRESS, 1e-3, 1.0000, 1.0000),
                Arguments.of("YOU", Coefficients.YOU, 1e-2, 0.978, 1.032));
    }

    @ParameterizedTest(name = "{0} from {2}")
    @MethodSource("lists")
    void singularValuesEndWhereTheyAreKnownTo(
            String name, List<Coefficients> steps, double smallest, double low, double high) {
        double least = Double.POSITIVE_INFINITY;
        double most = 0;
        int samples = 200_000;
        for (int i = 0; i <= samples; i++) {
            double value = smallest * Math.pow(1 / smallest, (double) i / samples);
            for (Coefficients step : steps) {
                value = step.apply(value);
            }
            least = Math.min(least, value);
            most = Math.max(most, value);
        }
        assertEquals(low, least, 6e-4, name + ", least");
        assertEquals(high, most, 6e-4, name + ", most");
    }

    @Test
    void listsHaveTheirPublishedLengths() {
        assertEquals(5, Coefficients.KELLER_JORDAN.size());
        assertEquals(10, Coefficients.DEEPSEEK_V4.size());
        assertEquals(8, Coefficients.POLAR_EXPRESS.size());
        assertEquals(5, Coefficients.YOU.size());
        assertEquals(5, Coefficients.DION2.size());
        assertEquals(new Coefficients(2, -1.5, 0.5), Coefficients.DEEPSEEK_V4.get(8));
    }

    /// A steep slope at 0 is the point of Dion2's list as well; it ends within its authors' range
    /// of Polar Express.
    @Test
    void everyListLiftsSmallValuesAndKeepsOneNearOne() {
        for (List<Coefficients> steps :
                List.of(
                        Coefficients.KELLER_JORDAN,
                        Coefficients.DEEPSEEK_V4,
                        Coefficients.POLAR_EXPRESS,
                        Coefficients.YOU,
                        Coefficients.DION2)) {
            double small = 0.05;
            double one = 1;
            double zero = 0;
            for (Coefficients step : steps) {
                small = step.apply(small);
                one = step.apply(one);
                zero = step.apply(zero);
            }
            assertTrue(small > 0.6 && small < 1.25, steps + " takes 0.05 to " + small);
            assertTrue(one > 0.6 && one < 1.25, steps + " takes 1 to " + one);
            assertEquals(0, zero);
        }
    }

    @Test
    void theFixedPointOfTheLastStepIsExact() {
        assertEquals(1, Coefficients.DEEPSEEK_V4.getLast().apply(1));
        assertEquals(1, Coefficients.POLAR_EXPRESS.getLast().apply(1));
    }

    @Test
    void safetyIsTheSameAsAScaledValue() {
        Coefficients plain = Coefficients.polarExpress(1, 1).getFirst();
        Coefficients safe = Coefficients.polarExpress(1, 1.05).getFirst();
        for (double value : new double[] {0.01, 0.3, 0.9, 1.04}) {
            assertEquals(plain.apply(value / 1.05), safe.apply(value), 1e-12);
        }
    }

    @Test
    void theLastPublishedStepRepeatsUntouched() {
        List<Coefficients> many = Coefficients.polarExpress(11, 1.05);
        assertEquals(11, many.size());
        for (int i = 7; i < 11; i++) {
            assertEquals(new Coefficients(1.875, -1.25, 0.375), many.get(i));
        }
    }

    @Test
    void refusesWhatIsNoStep() {
        assertRefused(() -> new Coefficients(Double.NaN, 0, 0), "a", "NaN");
        assertRefused(() -> new Coefficients(1, Double.POSITIVE_INFINITY, 0), "b", "Infinity");
        assertRefused(() -> Coefficients.polarExpress(0, 1.01), "steps", "0");
        assertRefused(() -> Coefficients.polarExpress(5, 0.9), "safety", "0.9");
        assertRefused(() -> Coefficients.repeat(new Coefficients(1, 1, 1), 0), "count", "0");
    }
}

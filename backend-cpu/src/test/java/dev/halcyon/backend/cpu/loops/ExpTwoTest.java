package dev.halcyon.backend.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/// The polynomial against the library's power.
class ExpTwoTest {
    @Test
    void isWithinTwoUnitsInTheLastPlace() {
        for (float x = -126; x <= 1; x += 0.000_37f) {
            double exact = Math.pow(2, x);
            double off = Math.abs(ExpTwo.of(x) - exact) / Math.ulp((float) exact);
            assertTrue(
                    off <= 2,
                    "2^" + x + " is " + ExpTwo.of(x) + ", " + off + " units from " + exact);
        }
    }

    @Test
    void isExactWhereASoftmaxCountsOnIt() {
        assertEquals(1, ExpTwo.of(0));
        assertEquals(1, ExpTwo.of(-0f));
        assertEquals(0, ExpTwo.of(Float.NEGATIVE_INFINITY));
        assertEquals(0, ExpTwo.of(-126.5f));
        assertEquals(0.25f, ExpTwo.of(-2));
        assertTrue(Float.isNaN(ExpTwo.of(Float.NaN)));
    }
}

package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class CrossEntropyTest {
    private static final CrossEntropy LOSS = CrossEntropy.of(8, 100, DType.BF16);

    private static CrossEntropy.Args args(long logits, long targets, long loss, long logSumExp) {
        return CrossEntropy.Args.of(
                tensor(DType.BF16, logits, 100),
                tensor(DType.I32, targets),
                tensor(DType.F32, loss),
                tensor(DType.F32, logSumExp));
    }

    @Test
    void wantsOneOfEverythingForEachRow() {
        LOSS.validate(args(5, 5, 5, 5));
        assertRefused(() -> LOSS.validate(args(9, 9, 9, 9)), "logits", "9", "8");
        assertRefused(() -> LOSS.validate(args(5, 4, 5, 5)), "targets", "4", "5");
        assertRefused(() -> LOSS.validate(args(5, 5, 4, 5)), "loss", "4", "5");
        assertRefused(() -> LOSS.validate(args(5, 5, 5, 4)), "logSumExp", "4", "5");
    }

    @Test
    void refusesImpossibleComponents() {
        assertRefused(() -> CrossEntropy.of(0, 100, DType.F32), "maxRows", "0");
        assertRefused(() -> CrossEntropy.of(8, 0, DType.F32), "vocab", "0");
        assertRefused(() -> CrossEntropy.of(8, 100, DType.F8_E4M3), "logits", "F8_E4M3");
    }

    @Test
    void readsTheLogitsOnce() {
        assertEquals(new Cost(4 * 8 * 100, 2 * 8 * 100 + 3 * 4 * 8), LOSS.cost());
        assertEquals(new Cost(4 * 5 * 100, 2 * 5 * 100 + 3 * 4 * 5), LOSS.cost(args(5, 5, 5, 5)));
    }
}

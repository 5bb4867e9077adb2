package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

import java.util.Set;

class SwiGluTest {
    private static final SwiGlu PLAIN = SwiGlu.of(8, 32, DType.BF16);

    private static SwiGlu.Args args(long rows) {
        return SwiGlu.Args.of(
                tensor(DType.BF16, rows, 32),
                tensor(DType.BF16, rows, 32),
                tensor(DType.BF16, rows, 32));
    }

    @Test
    void refusesALimitThatClampsEverything() {
        assertRefused(() -> PLAIN.withLimit(0), "limit", "0.0");
        assertRefused(() -> PLAIN.withLimit(-10), "limit", "-10.0");
        assertRefused(() -> PLAIN.withLimit(Double.NaN), "limit", "NaN");
        assertEquals(Double.POSITIVE_INFINITY, PLAIN.limit());
        assertNotEquals(PLAIN, PLAIN.withLimit(10));
    }

    @Test
    void takesTheHalvesOfOneFusedProjection() {
        PLAIN.validate(
                SwiGlu.Args.of(
                        spaced(DType.BF16, 5, 32),
                        spaced(DType.BF16, 5, 32),
                        tensor(DType.BF16, 5, 32)));
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        SwiGlu.Args good = args(4);
        assertRefused(
                () ->
                        PLAIN.validate(
                                SwiGlu.Args.of(good.gate(), tensor(DType.BF16, 4, 31), good.out())),
                "up",
                "31");
        assertRefused(
                () ->
                        PLAIN.validate(
                                SwiGlu.Args.of(good.gate(), good.up(), tensor(DType.BF16, 3, 32))),
                "out",
                "3");
        SwiGlu weighted = PLAIN.withRowWeight(true);
        weighted.validate(good.withRowWeight(tensor(DType.F32, 4)));
        assertRefused(() -> weighted.validate(good), "rowWeight", "missing");
        assertRefused(
                () -> weighted.validate(good.withRowWeight(tensor(DType.F32, 5))),
                "rowWeight",
                "[4]",
                "[5]");
        assertRefused(() -> PLAIN.validate(good.withRowWeight(tensor(DType.F32, 4))), "rowWeight");
    }

    @Test
    void mayWriteOverGateOrUp() {
        assertEquals(Set.of("gate", "up"), args(4).operands().accesses().getLast().mayEqual());
    }

    @Test
    void costsTwoReadsAndAWrite() {
        assertEquals(new Cost(5 * 8 * 32, 3 * 2 * 8 * 32), PLAIN.cost());
        assertEquals(
                new Cost(6 * 8 * 32, 3 * 2 * 8 * 32 + 4 * 8), PLAIN.withRowWeight(true).cost());
    }
}

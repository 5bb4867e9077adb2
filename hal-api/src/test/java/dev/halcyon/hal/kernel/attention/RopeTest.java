package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.attention.Rope.Pairing;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

class RopeTest {
    private static final RotaryFrequencies FREQUENCIES = RotaryFrequencies.plain(8, 1e4);
    private static final Rope ROPE = Rope.of(6, 4, 24, FREQUENCIES, DType.BF16);

    private static Rope.Args args(long rows) {
        Tensor x = tensor(DType.BF16, rows, 4, 24);
        return Rope.Args.of(x, tensor(DType.I32, rows), x);
    }

    @Test
    void rotatesTheLastValuesOfAHeadUnlessTold() {
        assertEquals(16, ROPE.firstRotated());
        assertEquals(Pairing.INTERLEAVED, ROPE.pairing());
        assertEquals(0, ROPE.withFirstRotated(0).firstRotated());
    }

    @Test
    void refusesARunThatDoesNotFitTheHead() {
        assertRefused(
                () -> Rope.of(6, 4, 6, FREQUENCIES, DType.BF16), "turn 8 values", "headDim is 6");
        assertRefused(() -> ROPE.withFirstRotated(17), "firstRotated", "16", "17");
        assertRefused(() -> ROPE.withFirstRotated(-1), "firstRotated", "-1");
        assertRefused(() -> Rope.of(0, 4, 24, FREQUENCIES, DType.BF16), "maxRows", "0");
        assertRefused(() -> Rope.of(6, 0, 24, FREQUENCIES, DType.BF16), "heads", "0");
        assertRefused(() -> ROPE.withTypes(DType.F8_E4M3, DType.BF16), "in", "F8_E4M3");
        assertRefused(() -> ROPE.withTypes(DType.BF16, DType.I32), "out", "I32");
    }

    @Test
    void takesSlicesOfWiderHeadsAndWritesInPlace() {
        ROPE.validate(args(6));
        ROPE.validate(args(0));
        Tensor slice = tensor(DType.BF16, 5, 4, 40).slice(2, 16, 40);
        ROPE.validate(Rope.Args.of(slice, tensor(DType.I32, 5), slice));
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        Rope.Args good = args(4);
        assertRefused(() -> ROPE.validate(args(7)), "x has 7 rows", "6");
        assertRefused(
                () -> ROPE.validate(Rope.Args.of(good.x(), tensor(DType.I64, 4), good.out())),
                "positions",
                "I64");
        assertRefused(
                () -> ROPE.validate(Rope.Args.of(good.x(), tensor(DType.I32, 5), good.out())),
                "positions",
                "[5]");
        assertRefused(
                () ->
                        ROPE.validate(
                                Rope.Args.of(
                                        good.x(), good.positions(), tensor(DType.BF16, 4, 24, 4))),
                "out",
                "[4, 24, 4]");
        assertRefused(
                () ->
                        ROPE.validate(
                                Rope.Args.of(
                                        good.x().transpose(1, 2), good.positions(), good.out())),
                "x",
                "[4, 24, 4]");
    }

    @Test
    void costsSixOperationsAPairAndOnePass() {
        assertEquals(new Cost(6 * 4 * (8 / 2) * 6, 2 * 2 * 6 * 4 * 24 + 4 * 6), ROPE.cost());
        assertEquals(ROPE.cost(), ROPE.cost(args(6)));
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(ROPE, Rope.of(6, 4, 24, RotaryFrequencies.plain(8, 1e4), DType.BF16));
        assertNotEquals(ROPE, ROPE.withInverse(true));
        assertNotEquals(ROPE, ROPE.withPairing(Pairing.HALF_SPLIT));
        assertNotEquals(ROPE, Rope.of(6, 4, 24, RotaryFrequencies.plain(8, 5e4), DType.BF16));
    }
}

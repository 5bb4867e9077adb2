package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class EmbeddingTest {
    private static final Embedding LOOKUP = Embedding.of(8, 100, 16, DType.BF16);

    private static Embedding.Args args(long rows, long tableRows) {
        return Embedding.Args.of(
                tensor(DType.I32, rows),
                tensor(DType.BF16, tableRows, 16),
                tensor(DType.BF16, rows, 16));
    }

    @Test
    void convertsFloatsAndCopiesAnythingElse() {
        assertEquals(DType.F32, LOOKUP.withOut(DType.F32).out());
        assertEquals(DType.I32, Embedding.of(8, 100, 1, DType.I32).out());
        assertRefused(() -> Embedding.of(8, 100, 1, DType.I32).withOut(DType.F32), "table", "I32");
        assertRefused(() -> Embedding.of(8, 100, 2, DType.I4), "table", "I4");
    }

    @Test
    void takesATableShorterThanTheBound() {
        LOOKUP.validate(args(8, 100));
        LOOKUP.validate(args(3, 7));
        assertRefused(() -> LOOKUP.validate(args(3, 101)), "table", "101", "100");
        assertRefused(() -> LOOKUP.validate(args(9, 100)), "ids", "9", "8");
    }

    @Test
    void refusesIdsOfAnotherWidth() {
        Embedding.Args good = args(3, 100);
        assertRefused(
                () ->
                        LOOKUP.validate(
                                Embedding.Args.of(tensor(DType.I64, 3), good.table(), good.out())),
                "ids",
                "I32",
                "I64");
    }

    @Test
    void countsTheRowsPickedAndNotTheTable() {
        assertEquals(new Cost(0, 4 * 8 + 2 * 2 * 8 * 16), LOOKUP.cost());
        assertEquals(new Cost(0, 4 * 3 + 2 * 2 * 3 * 16), LOOKUP.cost(args(3, 100)));
    }
}

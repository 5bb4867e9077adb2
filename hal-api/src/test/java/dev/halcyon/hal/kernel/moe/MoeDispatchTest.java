package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.Random;

class MoeDispatchTest {
    private static final MoeDispatch DISPATCH = MoeDispatch.of(6, 3, 8);

    private static Tensor ints(long... dims) {
        return tensor(DType.I32, dims);
    }

    private static MoeDispatch.Args args(long tokens, long rows, long experts) {
        return MoeDispatch.Args.of(
                ints(tokens, 3),
                ints(experts),
                ints(experts),
                ints(rows),
                ints(rows),
                ints(tokens, 3));
    }

    @Test
    void withoutPaddingEveryChoiceHasARow() {
        assertEquals(18, DISPATCH.maxRows());
        assertEquals(3, DISPATCH.maxRows(1));
        assertEquals(0, DISPATCH.maxRows(0));
    }

    /// Whatever the choices are, their segments end within the bound; and some choices reach it.
    @Test
    void boundIsReachedAndNeverPassed() {
        Random random = new Random(11);
        for (int round = 0; round < 2000; round++) {
            int tokens = random.nextInt(12);
            int topK = 1 + random.nextInt(4);
            int experts = 1 + random.nextInt(6);
            int alignment = 1 + random.nextInt(5);
            MoeDispatch dispatch = MoeDispatch.of(16, topK, experts).withAlignment(alignment);
            int bound = dispatch.maxRows(tokens);
            int[] counts = new int[experts];
            for (int choice = 0; choice < tokens * topK; choice++) {
                counts[random.nextInt(experts)]++;
            }
            assertTrue(
                    padded(counts, alignment) <= bound, dispatch + " with " + tokens + " tokens");
            assertEquals(
                    bound,
                    mostPadded(tokens * topK, experts, alignment),
                    dispatch + " with " + tokens);
        }
    }

    private static int padded(int[] counts, int alignment) {
        int rows = 0;
        for (int count : counts) {
            rows += Math.ceilDiv(count, alignment) * alignment;
        }
        return rows;
    }

    /// One row in as many segments as possible, each padded as much as possible; the rest in the
    /// first.
    private static int mostPadded(int choices, int experts, int alignment) {
        if (choices == 0) {
            return 0;
        }
        int most = 0;
        for (int used = 1; used <= Math.min(choices, experts); used++) {
            int[] counts = new int[used];
            Arrays.fill(counts, 1);
            counts[0] += choices - used;
            most = Math.max(most, padded(counts, alignment));
        }
        return most;
    }

    @Test
    void refusesExtentsThatMakeNoDispatch() {
        assertRefused(() -> MoeDispatch.of(0, 3, 8), "maxTokens", "0");
        assertRefused(() -> MoeDispatch.of(6, 0, 8), "topK", "0");
        assertRefused(() -> DISPATCH.withLocalExperts(-1, 4), "firstExpert", "-1");
        assertRefused(() -> DISPATCH.withLocalExperts(4, 0), "localExperts", "0");
        assertRefused(() -> DISPATCH.withAlignment(0), "alignment", "0");
        assertRefused(
                () -> MoeDispatch.of(Integer.MAX_VALUE, 8, 8), "17179869176 rows", "2147483647");
        assertRefused(
                () -> MoeDispatch.of(Integer.MAX_VALUE - 7, 1, 8).withAlignment(128),
                "alignment 128");
    }

    @Test
    void takesRowTensorsFromTheNeedOfTheTokensToTheBound() {
        DISPATCH.validate(args(6, 18, 8));
        DISPATCH.validate(args(2, 6, 8));
        DISPATCH.validate(args(2, 18, 8));
        DISPATCH.validate(args(0, 0, 8));
        assertRefused(() -> DISPATCH.validate(args(2, 5, 8)), "rowToken has 5 rows", "6");
        assertRefused(() -> DISPATCH.validate(args(6, 19, 8)), "rowToken has 19 rows", "18");
        assertRefused(() -> DISPATCH.validate(args(7, 18, 8)), "indices has 7 rows", "6");
    }

    @Test
    void segmentsAreThoseOfTheLocalExperts() {
        MoeDispatch local = DISPATCH.withLocalExperts(4, 2);
        local.validate(args(6, 18, 2));
        assertRefused(() -> local.validate(args(6, 18, 8)), "segmentStart", "[2]", "[8]");
        MoeDispatch.Args good = args(6, 18, 2);
        assertRefused(
                () ->
                        local.validate(
                                MoeDispatch.Args.of(
                                        good.indices(),
                                        good.segmentStart(),
                                        good.segmentCount(),
                                        good.rowToken(),
                                        ints(17),
                                        ints(6, 3))),
                "rowSlot",
                "[17]");
    }

    @Test
    void costsItsIndexTensors() {
        assertEquals(new Cost(0, 4 * (2 * 18 + 2 * 18 + 2 * 8)), DISPATCH.cost());
        assertEquals(DISPATCH.cost(), DISPATCH.cost(args(6, 18, 8)));
        assertEquals(new Cost(0, 4 * (2 * 6 + 2 * 6 + 2 * 8)), DISPATCH.cost(args(2, 6, 8)));
    }
}

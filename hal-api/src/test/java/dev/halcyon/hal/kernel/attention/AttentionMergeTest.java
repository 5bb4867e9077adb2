package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class AttentionMergeTest {
    private static final AttentionMerge MERGE =
            AttentionMerge.of(6, 4, 5, 3, DType.F32).withTypes(DType.F32, DType.BF16);

    private static AttentionMerge.Args args(long rows, long parts) {
        return AttentionMerge.Args.of(
                tensor(DType.F32, parts, rows, 4, 5),
                tensor(DType.F32, parts, rows, 4),
                tensor(DType.BF16, rows, 4, 5));
    }

    @Test
    void takesFewerRowsOfLargerTensors() {
        MERGE.validate(args(6, 3));
        MERGE.validate(args(0, 3));
        MERGE.validate(
                AttentionMerge.Args.of(
                        tensor(DType.F32, 3, 6, 4, 5).slice(1, 0, 2),
                        tensor(DType.F32, 3, 6, 4).slice(1, 0, 2),
                        tensor(DType.BF16, 2, 4, 5)));
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertRefused(() -> AttentionMerge.of(6, 4, 5, 0, DType.F32), "parts", "0");
        assertRefused(() -> AttentionMerge.of(6, 0, 5, 3, DType.F32), "heads", "0");
        assertRefused(() -> MERGE.validate(args(7, 3)), "out has 7 rows", "6");
        assertRefused(() -> MERGE.validate(args(4, 2)), "partial", "[3, 4, 4, 5]", "[2, 4, 4, 5]");
        AttentionMerge.Args good = args(4, 3);
        assertRefused(
                () ->
                        MERGE.validate(
                                AttentionMerge.Args.of(
                                        good.partial(), tensor(DType.F32, 4, 3, 4), good.out())),
                "partialLse",
                "[4, 3, 4]");
        assertRefused(() -> MERGE.withSink(true).validate(good), "sink", "missing");
        assertRefused(() -> MERGE.validate(good.withSink(tensor(DType.F32, 4))), "sink");
        assertRefused(
                () -> MERGE.validate(good.withLogSumExp(tensor(DType.F32, 4, 5))), "logSumExp");
    }

    @Test
    void costsAMultiplyAddForEveryPart() {
        assertEquals(new Cost(2 * 24 * 5 * 3, 24 * (3 * (4 * 5 + 4) + 2 * 5)), MERGE.cost());
        assertEquals(MERGE.cost(), MERGE.cost(args(6, 3)));
        assertEquals(
                MERGE.cost().bytes() + 4 * 24,
                MERGE.cost(args(6, 3).withLogSumExp(tensor(DType.F32, 6, 4))).bytes());
        assertEquals(MERGE.cost().bytes() + 16, MERGE.withSink(true).cost().bytes());
    }
}

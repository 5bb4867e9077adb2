package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

import java.util.Set;

class MoeCombineTest {
    private static final MoeCombine WEIGHTED =
            MoeCombine.of(MoeDispatch.of(6, 3, 8), 10, DType.BF16);
    private static final MoeCombine PLAIN = WEIGHTED.withWeights(false);

    private static MoeCombine.Args args(long rows, long tokens) {
        return MoeCombine.Args.of(
                tensor(DType.BF16, rows, 10),
                tensor(DType.I32, tokens, 3),
                tensor(DType.BF16, tokens, 10));
    }

    @Test
    void followsItsDispatch() {
        assertEquals(new MoeCombine(6, 3, 10, 18, DType.BF16, DType.BF16, true, false), WEIGHTED);
    }

    @Test
    void refusesExtentsAndTypesThatMakeNoSum() {
        assertRefused(() -> MoeCombine.of(MoeDispatch.of(6, 3, 8), 0, DType.BF16), "dim", "0");
        assertRefused(
                () -> new MoeCombine(6, 3, 10, 0, DType.F32, DType.F32, true, false),
                "maxRows",
                "0");
        assertRefused(() -> WEIGHTED.withTypes(DType.I32, DType.F32), "rows", "I32");
        assertRefused(() -> WEIGHTED.withTypes(DType.F32, DType.F8_E4M3), "out", "F8_E4M3");
    }

    @Test
    void wantsWeightsAndAddendExactlyWhenTheSpecHasThem() {
        Tensor weights = tensor(DType.F32, 4, 3);
        Tensor addend = tensor(DType.BF16, 4, 10);
        PLAIN.validate(args(12, 4));
        WEIGHTED.validate(args(12, 4).withWeights(weights));
        PLAIN.withAddend(true).validate(args(12, 4).withAddend(addend));
        assertRefused(() -> WEIGHTED.validate(args(12, 4)), "weights", "missing");
        assertRefused(() -> PLAIN.validate(args(12, 4).withWeights(weights)), "weights");
        assertRefused(() -> PLAIN.withAddend(true).validate(args(12, 4)), "addend", "missing");
        assertRefused(() -> PLAIN.validate(args(12, 4).withAddend(addend)), "addend");
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        assertRefused(() -> PLAIN.validate(args(19, 4)), "rows has 19 rows", "18");
        assertRefused(() -> PLAIN.validate(args(12, 7)), "tokenRow has 7 rows", "6");
        assertRefused(
                () -> WEIGHTED.validate(args(12, 4).withWeights(tensor(DType.F32, 5, 3))),
                "weights",
                "[5, 3]");
        MoeCombine.Args good = args(12, 4);
        assertRefused(
                () ->
                        PLAIN.validate(
                                MoeCombine.Args.of(
                                        good.rows(), good.tokenRow(), tensor(DType.BF16, 4, 9))),
                "out",
                "[4, 9]");
    }

    @Test
    void mayWriteOverItsAddend() {
        MoeCombine.Args args = args(12, 4).withAddend(tensor(DType.BF16, 4, 10));
        Set<String> mayEqual =
                args.operands().accesses().stream()
                        .filter(access -> access.name().equals("out"))
                        .findFirst()
                        .orElseThrow()
                        .mayEqual();
        assertEquals(Set.of("addend"), mayEqual);
    }

    @Test
    void costsAMultiplyAddForEveryRow() {
        assertEquals(new Cost(2 * 18 * 10, 2 * 18 * 10 + 2 * 6 * 10 + 8 * 18), WEIGHTED.cost());
        assertEquals(new Cost(18 * 10, 2 * 18 * 10 + 2 * 6 * 10 + 4 * 18), PLAIN.cost());
        assertEquals(PLAIN.cost(), PLAIN.cost(args(18, 6)));
        assertEquals(
                new Cost(PLAIN.cost().flops() + 6 * 10, PLAIN.cost().bytes() + 2 * 6 * 10),
                PLAIN.withAddend(true).cost());
    }
}

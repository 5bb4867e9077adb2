package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.moe.MoeGate.GroupScore;
import dev.halcyon.hal.kernel.moe.MoeGate.Score;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class MoeGateTest {
    private static final MoeGate GATE = MoeGate.of(6, 16, 8, 3, Score.SIGMOID, DType.F32);

    private static MoeGate.Args args(long tokens) {
        return MoeGate.Args.of(
                tensor(DType.F32, tokens, 16),
                tensor(DType.F32, 8, 16),
                tensor(DType.I32, tokens, 3),
                tensor(DType.F32, tokens, 3));
    }

    @Test
    void refusesExtentsThatMakeNoGate() {
        assertRefused(() -> MoeGate.of(0, 16, 8, 3, Score.SIGMOID, DType.F32), "maxTokens", "0");
        assertRefused(() -> MoeGate.of(6, -1, 8, 3, Score.SIGMOID, DType.F32), "hidden", "-1");
        assertRefused(() -> MoeGate.of(6, 16, 8, 9, Score.SIGMOID, DType.F32), "topK", "8", "9");
        assertRefused(() -> MoeGate.of(6, 16, 8, 3, Score.SIGMOID, DType.F8_E4M3), "x", "F8_E4M3");
        assertRefused(() -> GATE.withTypes(DType.F32, DType.I8), "weight", "I8");
        assertRefused(() -> GATE.withScale(Double.NaN), "scale", "NaN");
        assertRefused(() -> GATE.withHash(-1), "hashVocab", "-1");
    }

    @Test
    void refusesGroupsThatCannotHoldTheChoice() {
        assertRefused(() -> GATE.withGroups(3, 1, GroupScore.MAX), "groups", "8 experts", "3");
        assertRefused(() -> GATE.withGroups(4, 5, GroupScore.MAX), "keptGroups", "5");
        assertRefused(
                () -> GATE.withGroups(4, 1, GroupScore.MAX),
                "topK is 3",
                "1 kept groups of 2 experts");
        assertRefused(() -> GATE.withGroups(8, 4, GroupScore.TOP2_SUM), "TOP2_SUM", "1");
        assertEquals(8, GATE.withGroups(8, 8, GroupScore.TOP2_SUM).keptGroups());
    }

    @Test
    void aHashedGateHasNeitherBiasNorGroups() {
        MoeGate grouped = GATE.withBias(true).withGroups(4, 2, GroupScore.TOP2_SUM);
        MoeGate hashed = grouped.withHash(100);
        assertTrue(hashed.isHashed());
        assertFalse(hashed.bias());
        assertEquals(1, hashed.groups());
        assertRefused(() -> hashed.withBias(true), "hashVocab is 100");
        assertRefused(() -> hashed.withGroups(4, 2, GroupScore.MAX), "hashVocab is 100");
    }

    @Test
    void acceptsStridedTokensAndFewerThanTheBound() {
        for (long tokens : new long[] {0, 1, 5, 6}) {
            GATE.validate(args(tokens));
        }
        MoeGate.Args args = args(4);
        GATE.validate(
                MoeGate.Args.of(
                        spaced(DType.F32, 4, 16), args.weight(), args.indices(), args.weights()));
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        MoeGate.Args good = args(4);
        assertRefused(() -> GATE.validate(args(7)), "x has 7 rows", "6");
        assertRefused(
                () ->
                        GATE.validate(
                                MoeGate.Args.of(
                                        good.x(),
                                        tensor(DType.BF16, 8, 16),
                                        good.indices(),
                                        good.weights())),
                "weight",
                "F32 [8, 16]",
                "BF16");
        assertRefused(
                () ->
                        GATE.validate(
                                MoeGate.Args.of(
                                        good.x(),
                                        good.weight(),
                                        tensor(DType.I64, 4, 3),
                                        good.weights())),
                "indices",
                "I64");
        assertRefused(
                () ->
                        GATE.validate(
                                MoeGate.Args.of(
                                        good.x(),
                                        good.weight(),
                                        good.indices(),
                                        tensor(DType.F32, 5, 3))),
                "weights",
                "[5, 3]");
        assertRefused(
                () -> GATE.validate(good.withScores(tensor(DType.F32, 4, 7))), "scores", "[4, 7]");
        assertRefused(
                () -> GATE.validate(good.withActiveRows(tensor(DType.I32, 2))),
                "activeRows",
                "[2]");
    }

    @Test
    void wantsTheBiasExactlyWhenTheSpecHasOne() {
        MoeGate biased = GATE.withBias(true);
        biased.validate(args(4).withBias(tensor(DType.F32, 8)));
        assertRefused(() -> biased.validate(args(4)), "bias", "missing");
        assertRefused(() -> GATE.validate(args(4).withBias(tensor(DType.F32, 8))), "bias");
        assertRefused(
                () -> biased.validate(args(4).withBias(tensor(DType.BF16, 8))), "bias", "BF16");
    }

    @Test
    void readsExpertTablesOfBothIntegerTypes() {
        MoeGate hashed = GATE.withHash(100);
        hashed.validate(args(4).withHash(tensor(DType.I32, 4), tensor(DType.I64, 100, 3)));
        hashed.validate(args(4).withHash(tensor(DType.I32, 4), tensor(DType.I32, 100, 3)));
        assertRefused(() -> hashed.validate(args(4)), "tokenIds", "missing");
        assertRefused(
                () ->
                        hashed.validate(
                                args(4).withHash(tensor(DType.I32, 4), tensor(DType.F32, 100, 3))),
                "expertTable",
                "F32");
        assertRefused(
                () ->
                        hashed.validate(
                                args(4).withHash(tensor(DType.I32, 4), tensor(DType.I32, 99, 3))),
                "expertTable",
                "[99, 3]");
        assertRefused(
                () ->
                        GATE.validate(
                                args(4).withHash(tensor(DType.I32, 4), tensor(DType.I32, 100, 3))),
                "tokenIds");
    }

    @Test
    void namedGatesAreThePublishedOnes() {
        MoeGate v3 = MoeGate.deepSeekV3(1, DType.BF16);
        assertEquals(
                new MoeGate(
                        1,
                        7168,
                        256,
                        8,
                        Score.SIGMOID,
                        8,
                        4,
                        GroupScore.TOP2_SUM,
                        true,
                        true,
                        2.5,
                        0,
                        DType.BF16,
                        DType.BF16),
                v3);
        MoeGate v2 = MoeGate.deepSeekV2(1, DType.BF16);
        assertEquals(
                new MoeGate(
                        1,
                        5120,
                        160,
                        6,
                        Score.SOFTMAX,
                        8,
                        3,
                        GroupScore.MAX,
                        false,
                        false,
                        16,
                        0,
                        DType.BF16,
                        DType.BF16),
                v2);
        assertFalse(MoeGate.deepSeekV2Lite(1, DType.BF16).normalise());
        assertEquals(2.446, MoeGate.moonlight(1, DType.BF16).scale());
        assertEquals(384, MoeGate.kimiK2(1, DType.BF16).experts());
        assertEquals(1, MoeGate.glm5(1, DType.BF16).groups());
        assertEquals(1.5, MoeGate.deepSeekV4Flash(1, DType.BF16).scale());
        assertEquals(Score.SQRT_SOFTPLUS, MoeGate.deepSeekV4Pro(1, DType.BF16).score());
    }

    @Test
    void costsTheRouterProduct() {
        double bytes = 4.0 * (6 * 16 + 8 * 16 + 6 * 3 + 6 * 3);
        assertEquals(new Cost(2.0 * 6 * 8 * 16, bytes), GATE.cost());
        assertEquals(GATE.cost(), GATE.cost(args(6)));
        Cost withScores = GATE.cost(args(6).withScores(tensor(DType.F32, 6, 8)));
        assertEquals(new Cost(GATE.cost().flops(), bytes + 4 * 6 * 8), withScores);
        assertEquals(GATE.cost().flops() / 2, GATE.cost(args(3)).flops());
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(GATE, MoeGate.of(6, 16, 8, 3, Score.SIGMOID, DType.F32));
        assertEquals(GATE.hashCode(), MoeGate.of(6, 16, 8, 3, Score.SIGMOID, DType.F32).hashCode());
        assertNotEquals(GATE, GATE.withBias(true));
        assertNotEquals(GATE, GATE.withScale(2));
        assertNotEquals(GATE, GATE.withNormalise(false));
        assertNotEquals(GATE, GATE.withHash(10));
    }
}

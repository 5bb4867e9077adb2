package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.moe.MoeGate.Score;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

class MoeLayerTest {
    private static final WeightFormat BF16 = WeightFormat.rowMajor(DType.BF16);
    private static final MoeGate GATE = MoeGate.of(6, 16, 8, 3, Score.SIGMOID, DType.BF16);
    private static final MoeLayer LAYER = MoeLayer.of(GATE, 12, BF16);

    private static MoeLayer.Args args(long tokens, long experts) {
        return MoeLayer.Args.of(
                tensor(DType.BF16, tokens, 16),
                tensor(DType.BF16, 8, 16),
                tensor(DType.BF16, experts, 12, 16),
                tensor(DType.BF16, experts, 12, 16),
                tensor(DType.BF16, experts, 16, 12),
                tensor(DType.BF16, tokens, 16));
    }

    @Test
    void refusesWhatMakesNoLayer() {
        assertRefused(() -> MoeLayer.of(GATE, 0, BF16), "expertDim", "0");
        assertRefused(() -> LAYER.withShared(-1, BF16, BF16), "sharedDim", "-1");
        assertRefused(() -> LAYER.withLocalExperts(8, 1), "firstExpert", "8");
        assertRefused(() -> LAYER.withLocalExperts(6, 3), "localExperts", "2", "3");
        assertRefused(() -> LAYER.withLimit(-1), "limit", "-1.0");
        assertRefused(() -> LAYER.withTypes(DType.I32, DType.BF16), "intermediate", "I32");
        assertRefused(() -> LAYER.withTypes(DType.BF16, DType.I32), "out", "I32");
        assertRefused(() -> LAYER.withShared(4, BF16.listed(), BF16), "sharedGateUp", "listed");
        assertRefused(() -> LAYER.withShared(4, BF16, BF16.listed()), "sharedDown", "listed");
        MoeGate huge = MoeGate.of(Integer.MAX_VALUE, 16, 8, 3, Score.SIGMOID, DType.BF16);
        assertRefused(() -> MoeLayer.of(huge, 12, BF16), "2147483647 tokens", "6442450941");
    }

    @Test
    void formatsOfASharedExpertThatIsNotThereDoNotMatter() {
        WeightFormat fp8 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        assertEquals(LAYER, LAYER.withShared(0, fp8, fp8));
        assertEquals(LAYER.hashCode(), LAYER.withShared(0, fp8, fp8).hashCode());
        assertNotEquals(LAYER.withShared(4, BF16, BF16), LAYER.withShared(4, fp8, fp8));
        assertThrows(IllegalStateException.class, LAYER::shared);
    }

    @Test
    void sharedExpertIsADenseNetworkUnderTheSameLimit() {
        MoeLayer layer =
                LAYER.withShared(20, BF16, BF16).withLimit(10).withTypes(DType.F32, DType.BF16);
        assertEquals(
                SwiGluMlp.of(6, 16, 20, BF16, DType.BF16)
                        .withLimit(10)
                        .withTypes(DType.BF16, DType.F32, DType.BF16),
                layer.shared());
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        LAYER.validate(args(4, 8));
        assertRefused(() -> LAYER.validate(args(7, 8)), "x has 7 rows", "6");
        assertRefused(() -> LAYER.validate(args(4, 7)), "gateProj", "[8, 12, 16]", "[7, 12, 16]");
        assertRefused(
                () -> LAYER.validate(args(4, 8).withGateBias(tensor(DType.F32, 8))), "gateBias");
        assertRefused(
                () -> LAYER.validate(args(4, 8).withRouting(tensor(DType.I32, 4, 2), null)),
                "indices",
                "[4, 2]");
        assertRefused(
                () ->
                        LAYER.validate(
                                args(4, 8)
                                        .withRouting(null, tensor(DType.F32, 4, 6).slice(1, 0, 3))),
                "weights",
                "contiguous");
        assertRefused(
                () -> LAYER.validate(args(4, 8).withHash(tensor(DType.I32, 4), null)), "tokenIds");
    }

    @Test
    void localWeightsAreThoseOfTheLocalExperts() {
        MoeLayer local = LAYER.withLocalExperts(5, 3);
        local.validate(args(4, 3));
        assertRefused(() -> local.validate(args(4, 8)), "gateProj", "[3, 12, 16]");
        assertEquals(new MoeDispatch(6, 3, 5, 3, 1), local.dispatch());
    }

    @Test
    void wantsSharedWeightsExactlyWhenThereIsASharedExpert() {
        MoeLayer shared = LAYER.withShared(20, BF16, BF16);
        shared.validate(
                args(4, 8)
                        .withShared(
                                tensor(DType.BF16, 20, 16),
                                tensor(DType.BF16, 20, 16),
                                tensor(DType.BF16, 16, 20)));
        assertRefused(() -> shared.validate(args(4, 8)), "sharedGate", "missing");
        assertRefused(
                () ->
                        shared.validate(
                                args(4, 8)
                                        .withShared(
                                                tensor(DType.BF16, 20, 16),
                                                tensor(DType.BF16, 20, 16),
                                                tensor(DType.BF16, 20, 16))),
                "sharedDown",
                "[16, 20]");
        assertRefused(
                () -> LAYER.validate(args(4, 8).withShared(tensor(DType.BF16, 20, 16), null, null)),
                "sharedGate");
    }

    @Test
    void costsGateRoutedAndSharedProducts() {
        double routed = 6.0 * 18 * 16 * 12 + 2.0 * 18 * 16;
        double weights = 8 * 3 * 2.0 * 12 * 16;
        assertEquals(GATE.cost().plus(new Cost(routed, weights + 2 * 6 * 16)), LAYER.cost());
        assertEquals(LAYER.cost(), LAYER.cost(args(6, 8)));
        MoeLayer shared = LAYER.withShared(20, BF16, BF16);
        assertEquals(
                LAYER.cost().plus(new Cost(6.0 * 6 * 16 * 20, 3 * 2.0 * 20 * 16)), shared.cost());
    }

    @Test
    void aFewTokensReadAFewExperts() {
        double oneToken = LAYER.cost(args(1, 8)).bytes();
        assertEquals(
                GATE.withScale(1)
                                .cost(
                                        MoeGate.Args.of(
                                                tensor(DType.BF16, 1, 16),
                                                tensor(DType.BF16, 8, 16),
                                                tensor(DType.I32, 1, 3),
                                                tensor(DType.F32, 1, 3)))
                                .bytes()
                        + 3 * 3 * 2.0 * 12 * 16
                        + 2 * 16,
                oneToken);
    }

    @Test
    void aDeviceWithHalfTheExpertsExpectsHalfTheWork() {
        MoeLayer half = LAYER.withLocalExperts(0, 4);
        double gate = GATE.cost().flops();
        assertEquals((LAYER.cost().flops() - gate) / 2, half.cost().flops() - gate);
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(LAYER, MoeLayer.of(GATE, 12, BF16));
        assertNotEquals(LAYER, LAYER.withPosition(WeightPosition.BEFORE_DOWN));
        assertNotEquals(LAYER, LAYER.withBatchInvariant(true));
        assertNotEquals(LAYER, LAYER.withFormats(BF16.listed(), BF16.listed()));
        assertNotEquals(LAYER, MoeLayer.of(GATE.withScale(3), 12, BF16));
    }
}

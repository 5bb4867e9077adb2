package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

class MlaPrefillTest {
    private static final MlaPrefill PREFILL =
            MlaPrefill.of(10, 3, 4, 6, 2, 5, DType.BF16).withMaxKeys(20);

    private static MlaPrefill.Args args(long tokens, long keys, long sequences) {
        Tensor projected = tensor(DType.BF16, keys, 4, 11);
        return MlaPrefill.Args.of(
                tensor(DType.BF16, tokens, 4, 8),
                projected.slice(2, 0, 6),
                tensor(DType.BF16, keys, 2),
                projected.slice(2, 6, 11),
                tensor(DType.I32, sequences + 1),
                tensor(DType.I32, sequences + 1),
                tensor(DType.BF16, tokens, 4, 5));
    }

    @Test
    void scalesByTheKeyUnlessTold() {
        assertEquals(1 / Math.sqrt(8), PREFILL.softmaxScale());
        assertEquals(10, MlaPrefill.of(10, 3, 4, 6, 2, 5, DType.BF16).maxKeys());
    }

    @Test
    void refusesWhatMakesNoAttention() {
        assertRefused(() -> PREFILL.withMaxKeys(0), "maxKeys", "0");
        assertRefused(() -> PREFILL.withSoftmaxScale(0), "softmaxScale", "0.0");
        assertRefused(() -> PREFILL.withTypes(DType.F8_E4M3, DType.BF16), "in", "F8_E4M3");
        assertRefused(() -> MlaPrefill.of(10, 0, 4, 6, 2, 5, DType.BF16), "maxSequences", "0");
        assertRefused(() -> MlaPrefill.of(10, 3, 4, 0, 2, 5, DType.BF16), "nopeDim", "0");
        assertRefused(() -> MlaPrefill.of(10, 3, 4, 6, -1, 5, DType.BF16), "ropeDim", "-1");
    }

    @Test
    void takesKeysAndValuesThatAreSlicesOfOneProjection() {
        PREFILL.validate(args(10, 20, 3));
        PREFILL.validate(args(1, 20, 1));
        PREFILL.validate(args(0, 0, 0));
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        MlaPrefill.Args good = args(4, 9, 2);
        assertRefused(() -> PREFILL.validate(args(11, 20, 3)), "query has 11 rows", "10");
        assertRefused(() -> PREFILL.validate(args(4, 21, 3)), "key has 21 rows", "20");
        assertRefused(() -> PREFILL.validate(args(4, 9, 4)), "queryStart has 5 rows", "4");
        assertRefused(() -> PREFILL.validate(args(4, 9, -1)), "queryStart", "0");
        assertRefused(
                () ->
                        PREFILL.validate(
                                MlaPrefill.Args.of(
                                        good.query(),
                                        good.key(),
                                        tensor(DType.BF16, 8, 2),
                                        good.value(),
                                        good.queryStart(),
                                        good.keyStart(),
                                        good.out())),
                "ropeKey",
                "[9, 2]");
        assertRefused(
                () ->
                        PREFILL.validate(
                                MlaPrefill.Args.of(
                                        good.query(),
                                        good.key(),
                                        good.ropeKey(),
                                        good.value(),
                                        good.queryStart(),
                                        tensor(DType.I32, 2),
                                        good.out())),
                "keyStart",
                "[3]",
                "[2]");
        assertRefused(
                () -> PREFILL.validate(good.withLogSumExp(tensor(DType.F32, 4, 5))),
                "logSumExp",
                "[4, 5]");
        assertRefused(
                () -> PREFILL.validate(good.withMaxLogit(tensor(DType.BF16, 4))),
                "maxLogit",
                "BF16");
    }

    @Test
    void wantsTheSinkExactlyWhenTheSpecHasOne() {
        MlaPrefill sink = PREFILL.withSink(true);
        sink.validate(args(4, 9, 2).withSink(tensor(DType.F32, 4)));
        assertRefused(() -> sink.validate(args(4, 9, 2)), "sink", "missing");
        assertRefused(() -> PREFILL.validate(args(4, 9, 2).withSink(tensor(DType.F32, 4))), "sink");
    }

    /// Counts visible pairs one by one.
    @Test
    void costsWhatIsVisible() {
        for (int tokens = 1; tokens <= 10; tokens++) {
            for (int keys = 1; keys <= 20; keys++) {
                long pairs = 0;
                for (int i = 0; i < tokens; i++) {
                    pairs += Math.max(0, i + keys - tokens + 1);
                }
                double macs = 6 + 2 + 5;
                assertEquals(
                        2 * 4 * pairs * macs,
                        PREFILL.cost(args(tokens, keys, 1)).flops(),
                        tokens + " queries, " + keys + " keys");
                assertEquals(
                        2.0 * 4 * tokens * keys * macs,
                        PREFILL.withCausal(false).cost(args(tokens, keys, 1)).flops());
            }
        }
    }

    @Test
    void costsBytesOnce() {
        double bytes = 2.0 * (10 * 4 * (8 + 5) + 20 * (4 * 11 + 2)) + 4 * 2 * 2;
        assertEquals(bytes, PREFILL.cost().bytes());
        assertEquals(PREFILL.cost(), PREFILL.cost(args(10, 20, 1)));
        assertEquals(
                bytes + 4 * 40,
                PREFILL.cost(args(10, 20, 1).withLogSumExp(tensor(DType.F32, 10, 4))).bytes());
        assertEquals(bytes + 16, PREFILL.withSink(true).cost().bytes());
    }

    @Test
    void equalSequencesShareTheWork() {
        MlaPrefill open = PREFILL.withCausal(false);
        assertEquals(open.cost().flops() / 2, open.cost(args(10, 20, 2)).flops());
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(PREFILL, MlaPrefill.of(10, 3, 4, 6, 2, 5, DType.BF16).withMaxKeys(20));
        assertNotEquals(PREFILL, PREFILL.withCausal(false));
        assertNotEquals(PREFILL, PREFILL.withSink(true));
        assertNotEquals(PREFILL, PREFILL.withSoftmaxScale(0.1));
    }
}

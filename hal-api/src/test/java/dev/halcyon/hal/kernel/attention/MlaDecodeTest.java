package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class MlaDecodeTest {
    private static final CacheFormat FORMAT = CacheFormat.rowMajor(DType.BF16, 12, 4, 8);
    private static final MlaDecode DECODE = MlaDecode.of(5, 4, 0.25, FORMAT, 3, DType.BF16);

    private static MlaDecode.Args args(long sequences, int queries) {
        return MlaDecode.Args.of(
                tensor(DType.BF16, sequences * queries, 4, 16),
                new CachePool(tensor(DType.U8, 7, FORMAT.bytesPerPage()), FORMAT),
                tensor(DType.I32, sequences, 3),
                tensor(DType.I32, sequences),
                tensor(DType.BF16, sequences * queries, 4, 12));
    }

    @Test
    void takesItsRowFromTheCacheFormat() {
        assertEquals(12, DECODE.latentDim());
        assertEquals(4, DECODE.ropeDim());
        assertEquals(24, DECODE.maxLength());
        assertEquals(MlaDecode.DEFAULT_SPLIT_ROWS, DECODE.splitRows());
        assertEquals(DType.F32, DECODE.accumulate());
        assertEquals(DType.F64, MlaDecode.of(5, 4, 0.25, FORMAT, 3, DType.F64).accumulate());
    }

    @Test
    void refusesWhatMakesNoDecode() {
        assertRefused(
                () ->
                        new MlaDecode(
                                5, 1, 4, 13, 4, 0.25, FORMAT, 3, 8, false, DType.F32, DType.F32,
                                DType.F32, false, false),
                "latentDim",
                "12",
                "13");
        assertRefused(
                () ->
                        new MlaDecode(
                                5, 1, 4, 12, 0, 0.25, FORMAT, 3, 8, false, DType.F32, DType.F32,
                                DType.F32, false, false),
                "ropeDim",
                "4",
                "0");
        assertRefused(() -> DECODE.withQueriesPerSequence(0), "queriesPerSequence", "0");
        assertRefused(() -> DECODE.withSplitRows(0), "splitRows", "0");
        assertRefused(
                () -> DECODE.withTypes(DType.BF16, DType.BF16, DType.BF16), "accumulate", "BF16");
        assertRefused(() -> MlaDecode.of(5, 4, -1, FORMAT, 3, DType.BF16), "softmaxScale", "-1.0");
        assertRefused(
                () -> MlaDecode.of(5, 4, 0.25, FORMAT, 0, DType.BF16), "maxPagesPerSequence", "0");
        assertRefused(
                () -> MlaDecode.of(5, 4, 0.25, FORMAT, 1 << 28, DType.BF16),
                "maxPagesPerSequence is 268435456");
    }

    @Test
    void takesAnyNumberOfSequencesWithinTheBound() {
        for (long sequences : new long[] {0, 1, 4, 5}) {
            DECODE.validate(args(sequences, 1));
            DECODE.withQueriesPerSequence(2).validate(args(sequences, 2));
        }
        MlaDecode.Args all =
                args(4, 1)
                        .withSchedule(tensor(DType.I32, 5))
                        .withLogSumExp(tensor(DType.F32, 4, 4))
                        .withMaxLogit(tensor(DType.F32, 4))
                        .withActiveRows(tensor(DType.I32, 1));
        DECODE.validate(all);
        assertEquals(9, all.operands().accesses().size());
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        MlaDecode.Args good = args(4, 1);
        assertRefused(() -> DECODE.validate(args(6, 1)), "lengths has 6 rows", "5");
        assertRefused(() -> DECODE.validate(args(4, 2)), "query", "[4, 4, 16]", "[8, 4, 16]");
        assertRefused(
                () ->
                        DECODE.validate(
                                MlaDecode.Args.of(
                                        good.query(),
                                        good.cache(),
                                        tensor(DType.I32, 4, 2),
                                        good.lengths(),
                                        good.out())),
                "blockTable",
                "[4, 3]",
                "[4, 2]");
        assertRefused(
                () ->
                        DECODE.validate(
                                MlaDecode.Args.of(
                                        good.query(),
                                        good.cache(),
                                        good.blockTable(),
                                        tensor(DType.I64, 4),
                                        good.out())),
                "lengths",
                "I64");
        assertRefused(
                () ->
                        DECODE.validate(
                                MlaDecode.Args.of(
                                        good.query(),
                                        good.cache(),
                                        good.blockTable(),
                                        good.lengths(),
                                        good.query())),
                "out",
                "[4, 4, 12]");
        assertRefused(
                () -> DECODE.validate(good.withSchedule(tensor(DType.I32, 4))),
                "splitStart",
                "[5]",
                "[4]");
        assertRefused(
                () -> DECODE.validate(good.withMaxLogit(tensor(DType.F32, 5))), "maxLogit", "[5]");
        CacheFormat other = CacheFormat.rowMajor(DType.BF16, 12, 4, 16);
        CachePool pool = new CachePool(tensor(DType.U8, 7, other.bytesPerPage()), other);
        assertRefused(
                () ->
                        DECODE.validate(
                                MlaDecode.Args.of(
                                        good.query(),
                                        pool,
                                        good.blockTable(),
                                        good.lengths(),
                                        good.out())),
                "cache",
                "rowsPerPage=16");
    }

    @Test
    void wantsTheSinkExactlyWhenTheSpecHasOne() {
        MlaDecode sink = DECODE.withSink(true);
        sink.validate(args(4, 1).withSink(tensor(DType.F32, 4)));
        assertRefused(() -> sink.validate(args(4, 1)), "sink", "missing");
        assertRefused(() -> DECODE.validate(args(4, 1).withSink(tensor(DType.F32, 4))), "sink");
    }

    @Test
    void costsTheCacheOncePerSequence() {
        double flops = 2.0 * 5 * 4 * 24 * (16 + 12);
        double bytes = 2.0 * 5 * 4 * (16 + 12) + 2.0 * 5 * 24 * 16 + 4 * 5 * (1 + 3);
        assertEquals(new Cost(flops, bytes), DECODE.cost());
        assertEquals(DECODE.cost(), DECODE.cost(args(5, 1)));
        assertEquals(0, DECODE.cost(5, 0).flops());
        MlaDecode two = DECODE.withQueriesPerSequence(2);
        assertEquals(2 * flops, two.cost().flops());
        assertEquals(bytes + 2.0 * 5 * 4 * (16 + 12), two.cost().bytes());
    }

    @Test
    void scheduleIsThatOfItsDecode() {
        MlaSchedule schedule = MlaSchedule.of(DECODE.withSplitRows(16));
        assertEquals(new MlaSchedule(5, 16), schedule);
        schedule.validate(MlaSchedule.Args.of(tensor(DType.I32, 4), tensor(DType.I32, 5)));
        schedule.validate(MlaSchedule.Args.of(tensor(DType.I32, 0), tensor(DType.I32, 1)));
        assertRefused(
                () ->
                        schedule.validate(
                                MlaSchedule.Args.of(tensor(DType.I32, 4), tensor(DType.I32, 4))),
                "splitStart",
                "[5]",
                "[4]");
        assertRefused(
                () ->
                        schedule.validate(
                                MlaSchedule.Args.of(tensor(DType.I32, 6), tensor(DType.I32, 7))),
                "lengths has 6 rows");
        assertRefused(() -> new MlaSchedule(5, 0), "splitRows", "0");
        assertRefused(() -> new MlaSchedule(0, 16), "maxSequences", "0");
        assertEquals(new Cost(0, 4 * 11), schedule.cost());
    }

    @Test
    void differsWhereverAComponentDoes() {
        CacheFormat same = CacheFormat.rowMajor(DType.BF16, 12, 4, 8);
        assertEquals(DECODE, MlaDecode.of(5, 4, 0.25, same, 3, DType.BF16));
        assertEquals(DECODE.hashCode(), MlaDecode.of(5, 4, 0.25, same, 3, DType.BF16).hashCode());
        assertNotEquals(DECODE, DECODE.withBatchInvariant(true));
        assertNotEquals(DECODE, DECODE.withSplitRows(64));
        assertNotEquals(DECODE, DECODE.withTypes(DType.BF16, DType.F32, DType.F32));
    }
}

package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;

/// Absorbed attention against F64, and its laws: splits, batch, threads and bounds change nothing.
class MlaDecodeKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static MlaDecode spec(
            int sequences, int heads, int latentDim, int ropeDim, int maxPages, DType cache) {
        CacheFormat format = CacheFormat.rowMajor(cache, latentDim, ropeDim, 64);
        double scale = 1 / Math.sqrt(latentDim + ropeDim);
        return MlaDecode.of(sequences, heads, scale, format, maxPages, DType.F32)
                .withBatchInvariant(true);
    }

    @ParameterizedTest
    @CsvSource({
        // heads, latent, rope, rows a page
        "128, 512, 64, 64",
        "16, 512, 64, 64",
        "3, 32, 8, 16",
        "1, 7, 0, 1",
        "65, 48, 16, 3",
        "33, 100, 4, 64",
        "2, 1100, 20, 5"
    })
    void matchesForAnyShape(int heads, int latentDim, int ropeDim, int rowsPerPage) {
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, latentDim, ropeDim, rowsPerPage);
        MlaDecode spec =
                MlaDecode.of(4, heads, 1 / Math.sqrt(latentDim + ropeDim), format, 200, DType.F32);
        new DecodeBench(bench, spec, 1, 1, 131, 64, 67).check();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 63, 64, 65, 127, 128, 129, 512, 513, 1500})
    void matchesForAnyLength(int length) {
        new DecodeBench(bench, spec(1, 5, 24, 8, 24, DType.F32), 1, length).check();
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16", "F8_E4M3", "F8_E5M2"})
    void readsCachesOfAnyType(DType cache) {
        new DecodeBench(bench, spec(2, 16, 40, 8, 4, cache), 1, 200, 3).check();
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesQueriesAndResultsOfAnyType(DType dtype) {
        MlaDecode spec = spec(2, 16, 40, 8, 4, DType.BF16).withTypes(dtype, dtype, DType.F32);
        new DecodeBench(bench, spec, 1, 200, 3).check();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64, 100, 512, 100_000})
    void matchesForAnySplit(int splitRows) {
        new DecodeBench(
                        bench,
                        spec(2, 9, 24, 8, 20, DType.BF16).withSplitRows(splitRows),
                        1,
                        1170,
                        200)
                .check();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 70})
    void hidesLaterTokensFromEarlierQueries(int queries) {
        MlaDecode spec =
                spec(4, 3, 24, 8, 5, DType.BF16).withQueriesPerSequence(queries).withSplitRows(50);
        new DecodeBench(bench, spec, 1, 1, 64, 250, 0).check();
    }

    @Test
    void appliesTheSinkToTheOutputAlone() {
        DecodeBench step =
                new DecodeBench(
                        bench, spec(3, 6, 24, 8, 5, DType.BF16).withSink(true), 1, 1, 300, 0);
        Tensor sink = step.sink;
        assertTrue(sink != null);
        bench.set(
                sink,
                head ->
                        switch ((int) head) {
                            case 0 -> Double.NEGATIVE_INFINITY;
                            case 1 -> Double.POSITIVE_INFINITY;
                            case 2 -> 90;
                            default -> head;
                        });
        step.check();
    }

    @ParameterizedTest
    @ValueSource(doubles = {10, 40, 120})
    void staysAccurateForLargeLogits(double spread) {
        DecodeBench step =
                new DecodeBench(bench, spec(1, 20, 512, 64, 12, DType.BF16), spread, 700);
        bench.run(step.spec, step.args());
        double largest = Arrays.stream(bench.read(step.maxLogit)).max().orElseThrow();
        assertTrue(largest > 2 * spread, "logits of " + largest);
        step.compare((sequence, row) -> true);
    }

    /// Equal terms round the same way every time, which is the worst that can happen to a long sum.
    @Test
    void attendsToAMillionRows() {
        int length = 1 << 20;
        int distinct = 8;
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, 48, 16, 64);
        MlaDecode spec = MlaDecode.of(1, 3, 0.125, format, length / 64, DType.F32);
        assertTrue(
                bench.device().plan(spec).workspaceBytes() < 16 << 20,
                "workspace of a million rows");
        CachePool pool =
                new CachePool(bench.empty(DType.U8, distinct, format.bytesPerPage()), format);
        bench.set(
                pool.rows(),
                number ->
                        number / (64 * 64) % 2 == 0
                                ? 0.3
                                : 0.3 + 0.01 * bench.random().nextGaussian());
        int[] table = new int[length / 64];
        for (int i = 0; i < table.length; i++) {
            table[i] = i * 5 % distinct;
        }
        Tensor query = bench.normal(DType.F32, 1, 3, 64);
        Tensor out = bench.empty(DType.F32, 1, 3, 48);
        Tensor logSumExp = bench.empty(DType.F32, 1, 3);
        bench.run(
                spec,
                MlaDecode.Args.of(
                                query,
                                pool,
                                bench.intMatrix(table, 1, table.length),
                                bench.ints(length),
                                out)
                        .withLogSumExp(logSumExp));
        double[][] rows = PlainAttention.rows(bench.read(pool.rows()), 64);
        double[][] queries = PlainAttention.rows(bench.read(query), 64);
        double[] outputs = new double[3 * 48];
        double[] sums = new double[3];
        for (int head = 0; head < 3; head++) {
            // Every page comes as often as every other, so a page's worth of each is enough.
            PlainAttention.Result result =
                    PlainAttention.attend(
                            queries[head],
                            rows,
                            rows,
                            48,
                            row -> true,
                            0.125,
                            Double.NEGATIVE_INFINITY);
            System.arraycopy(result.output(), 0, outputs, head * 48, 48);
            sums[head] = result.logSumExp() + Math.log((double) length / rows.length);
        }
        bench.assertClose(outputs, out, DecodeBench.TOLERANCE);
        bench.assertClose(sums, logSumExp, 2e-6);
    }

    @Test
    @EnabledIfSystemProperty(
            named = "halcyon.thorough",
            matches = "true",
            disabledReason = "takes 2 GiB: -Pthorough")
    void reachesPagesBeyondTwoGigabytes() {
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, 512, 64, 64);
        int pages = (int) ((1L << 31) / format.bytesPerPage()) + 3;
        CachePool pool = new CachePool(bench.empty(DType.U8, pages, format.bytesPerPage()), format);
        int tokens = 70;
        int[] slots = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            slots[i] = (pages - 1 - i / 64) * 64 + i % 64;
        }
        Tensor rows = bench.normal(DType.BF16, tokens, 576);
        bench.run(
                CacheAppend.of(tokens, format, DType.BF16),
                CacheAppend.Args.of(
                        rows.slice(1, 0, 512), rows.slice(1, 512, 576), bench.ints(slots), pool));
        Tensor query = bench.normal(DType.F32, 1, 2, 576);
        Tensor out = bench.empty(DType.F32, 1, 2, 512);
        bench.run(
                MlaDecode.of(1, 2, 0.1, format, 2, DType.F32),
                MlaDecode.Args.of(
                        query,
                        pool,
                        bench.intMatrix(new int[] {pages - 1, pages - 2}, 1, 2),
                        bench.ints(tokens),
                        out));
        double[][] keys = PlainAttention.rows(bench.read(rows), 576);
        double[][] queries = PlainAttention.rows(bench.read(query), 576);
        for (int head = 0; head < 2; head++) {
            PlainAttention.Result result =
                    PlainAttention.attend(
                            queries[head],
                            keys,
                            keys,
                            512,
                            row -> true,
                            0.1,
                            Double.NEGATIVE_INFINITY);
            bench.assertClose(result.output(), out.slice(1, head, head + 1), DecodeBench.TOLERANCE);
        }
    }

    @Test
    void givesEachSequenceTheBitsItHasAlone() {
        MlaDecode spec =
                spec(6, 20, 40, 8, 40, DType.BF16).withQueriesPerSequence(2).withSplitRows(128);
        DecodeBench step = new DecodeBench(bench, spec, 3, 0, 1, 700, 64, 2500, 129);
        bench.run(spec, step.args());
        MlaDecode alone =
                spec(1, 20, 40, 8, 77, DType.BF16).withQueriesPerSequence(2).withSplitRows(128);
        for (int sequence = 0; sequence < 6; sequence++) {
            Tensor out = bench.empty(DType.F32, 2, 20, 40);
            int[] table =
                    Arrays.copyOf(
                            Arrays.copyOfRange(step.table, sequence * 40, (sequence + 1) * 40),
                            alone.maxPagesPerSequence());
            Tensor query = step.query.slice(0, sequence * 2L, sequence * 2L + 2);
            bench.run(
                    alone,
                    MlaDecode.Args.of(
                            query,
                            step.pool,
                            bench.intMatrix(table, 1, table.length),
                            bench.ints(step.lengths[sequence]),
                            out));
            assertArrayEquals(
                    bench.bytes(step.out.slice(0, sequence * 2L, sequence * 2L + 2)),
                    bench.bytes(out),
                    "sequence " + sequence + " has other bits alone");
        }
    }

    @Test
    void givesTheSameBitsForAnyThreadsAndSchedule() {
        RowBench.sameBitsForAnyThreads(
                own -> {
                    MlaDecode spec = spec(5, 70, 40, 8, 40, DType.BF16).withSplitRows(100);
                    DecodeBench step = new DecodeBench(own, spec, 3, 0, 1, 700, 64, 2500);
                    Tensor splits = own.intMatrix(new int[6], 6);
                    own.run(
                            MlaSchedule.of(spec),
                            new MlaSchedule.Args(own.ints(step.lengths), splits));
                    own.run(
                            spec,
                            step.args().withSchedule(own.random().nextBoolean() ? splits : null));
                    return step.out;
                });
    }

    @Test
    void leavesDeadSequencesOut() {
        MlaDecode spec = spec(3, 4, 24, 8, 5, DType.BF16);
        DecodeBench step = new DecodeBench(bench, spec, 1, 70, 10, 20);
        bench.run(spec, step.args());
        byte[] all = bench.bytes(step.out);
        Arrays.fill(step.table, spec.maxPagesPerSequence(), step.table.length, -7);
        bench.set(step.query.slice(0, 1, 3), number -> Double.NaN);
        step.lengths[1] = -5;
        step.lengths[2] = Integer.MAX_VALUE;
        bench.run(spec, step.args().withActiveRows(bench.ints(1)));
        int live = 4 * 24 * 4;
        assertArrayEquals(Arrays.copyOf(all, live), Arrays.copyOf(bench.bytes(step.out), live));
        bench.run(spec, step.args().withActiveRows(bench.ints(-3)));
        for (double max : bench.read(step.maxLogit)) {
            assertEquals(Double.NEGATIVE_INFINITY, max);
        }
    }

    @Test
    void acceptsNoSequences() {
        MlaDecode spec = spec(3, 4, 24, 8, 5, DType.BF16);
        new DecodeBench(bench, spec, 1).check();
    }

    @Test
    void takesStridedQueriesAndResults() {
        MlaDecode spec = spec(2, 4, 24, 8, 5, DType.BF16);
        DecodeBench step = new DecodeBench(bench, spec, 1, 100, 30);
        bench.run(spec, step.args());
        Tensor query = bench.empty(DType.F32, 2, 7, 40).slice(1, 2, 6).slice(2, 3, 35);
        double[] values = bench.read(step.query);
        bench.set(query, number -> values[(int) number]);
        Tensor wide = bench.empty(DType.F32, 4, 2, 30);
        Tensor out = wide.transpose(0, 1).slice(2, 1, 25);
        bench.run(
                spec,
                MlaDecode.Args.of(
                        query, step.pool, step.tableTensor(), bench.ints(step.lengths), out));
        assertArrayEquals(bench.read(step.out), bench.read(out));
        for (double gap : bench.read(wide.slice(2, 25, 30))) {
            assertTrue(Double.isNaN(gap));
        }
    }

    @Test
    void skipsRowsOfPagesOutsideThePool() {
        MlaDecode spec = spec(2, 4, 24, 8, 5, DType.BF16).withSplitRows(96);
        DecodeBench step = new DecodeBench(bench, spec, 1, 300, 40);
        step.table[1] = -1;
        step.table[4] = (int) step.pool.pages();
        step.table[5] = Integer.MAX_VALUE;
        bench.runFaulty(spec, step.args(), "blockTable[");
        step.compare((sequence, row) -> sequence == 0 && row / 64 != 1 && row / 64 != 4);
    }

    @Test
    void cutsLengthsToTheBlockTable() {
        MlaDecode spec = spec(2, 4, 24, 8, 2, DType.BF16);
        DecodeBench step = new DecodeBench(bench, spec, 1, 128, 40);
        bench.run(spec, step.args());
        byte[] whole = bench.bytes(step.out);
        step.lengths[0] = 129;
        bench.runFaulty(spec, step.args(), "lengths[0] is 129");
        assertArrayEquals(whole, bench.bytes(step.out));
        step.lengths[0] = 128;
        step.lengths[1] = -1;
        bench.runFaulty(spec, step.args(), "lengths[1] is -1");
        for (double value : bench.read(step.out.slice(0, 1, 2))) {
            assertEquals(0, value);
        }
    }

    @Test
    void keepsNaNOfAQueryToItself() {
        MlaDecode spec = spec(1, 20, 24, 8, 5, DType.BF16);
        DecodeBench step = new DecodeBench(bench, spec, 1, 200);
        bench.run(spec, step.args());
        double[] clean = bench.read(step.out);
        bench.set(step.query.slice(1, 3, 4), number -> number == 5 ? Double.NaN : 1);
        bench.run(spec, step.args());
        double[] dirty = bench.read(step.out);
        for (int i = 0; i < clean.length; i++) {
            if (i / 24 == 3) {
                assertTrue(Double.isNaN(dirty[i]), "element " + i + " is " + dirty[i]);
            } else {
                assertEquals(clean[i], dirty[i], "element " + i);
            }
        }
    }

    @Test
    void doesNotLookAtWhatTheWorkspaceHeld() {
        MlaDecode spec =
                spec(3, 5, 21, 3, 60, DType.BF16).withQueriesPerSequence(2).withSplitRows(1500);
        DecodeBench step = new DecodeBench(bench, spec, 1, 3700, 5, 0);
        PoisonedWorkspace.runTwice(bench.device(), spec, step.args());
        step.compare((sequence, row) -> true);
    }

    @Test
    void keepsItsWorkspaceSmallForLargeBounds() {
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, 512, 64, 64);
        MlaDecode spec = MlaDecode.of(256, 128, 0.1, format, 1 << 14, DType.BF16);
        long bytes = bench.device().plan(spec).workspaceBytes();
        assertTrue(bytes < 20 << 20, bytes + " bytes");
    }

    @Test
    void declinesWhatItLacks() {
        MlaDecode spec = spec(1, 1, 8, 8, 1, DType.BF16);
        declines(spec.withTypes(DType.F32, DType.F32, DType.F64), Support.Reason.NUMERICS);
        declines(spec.withTypes(DType.F64, DType.F32, DType.F32), Support.Reason.FORMAT);
        declines(spec(1, 1, 8, 8, 1, DType.F64), Support.Reason.FORMAT);
        CacheFormat other = new CacheFormat("planar", DType.BF16, 8, 8, 64, 2048);
        declines(MlaDecode.of(1, 1, 1, other, 1, DType.F32), Support.Reason.FORMAT);
        declines(spec(1, Integer.MAX_VALUE, 8, 8, 1, DType.BF16), Support.Reason.SHAPE);
        declines(MlaDecode.of(1, 1, 1e-300, spec.cache(), 1, DType.F32), Support.Reason.NUMERICS);
    }

    private void declines(MlaDecode spec, Support.Reason reason) {
        Support support = bench.device().supports(spec);
        assertFalse(support.isNative());
        assertEquals(reason, ((Support.Declined) support).reason());
    }
}

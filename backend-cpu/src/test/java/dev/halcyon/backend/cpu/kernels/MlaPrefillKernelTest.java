package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;

/// Naive attention against F64, and its laws: batch, threads and bounds change nothing.
class MlaPrefillKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static MlaPrefill spec(int heads, int nopeDim, int ropeDim, int valueDim) {
        return MlaPrefill.of(5000, 8, heads, nopeDim, ropeDim, valueDim, DType.F32)
                .withMaxKeys(20_000);
    }

    private void check(MlaPrefill spec, int[] queryCounts, int[] keyCounts) {
        new PrefillBench(bench, spec, 1, 2, queryCounts, keyCounts).check();
    }

    @ParameterizedTest
    @CsvSource({"128, 64, 128", "12, 8, 10", "1, 0, 1", "192, 0, 1100", "17, 2, 33", "1100, 4, 3"})
    void matchesForAnyDimensions(int nopeDim, int ropeDim, int valueDim) {
        int[] counts = {70, 1};
        check(spec(3, nopeDim, ropeDim, valueDim), counts, counts);
        check(spec(3, nopeDim, ropeDim, valueDim).withCausal(false), counts, new int[] {1, 150});
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 63, 64, 65, 127, 128, 129, 300})
    void matchesForAnyLength(int length) {
        check(spec(2, 12, 8, 10), new int[] {length}, new int[] {length});
    }

    @Test
    void alignsQueriesWithTheLastKeys() {
        int[] queries = {1, 64, 100, 3, 0, 70, 5};
        int[] keys = {200, 300, 101, 2, 9, 0, 5};
        check(spec(2, 12, 8, 10), queries, keys);
        check(spec(2, 12, 8, 10).withCausal(false), queries, keys);
    }

    @Test
    void takesRaggedSequencesWithoutAny() {
        check(spec(2, 12, 8, 10), new int[0], new int[0]);
        check(spec(2, 12, 8, 10), new int[] {0}, new int[] {0});
        check(spec(2, 12, 8, 10), new int[] {0, 5, 0, 0, 67, 0}, new int[] {0, 5, 3, 0, 67, 0});
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesOperandsOfAnyType(DType dtype) {
        int[] counts = {50, 90};
        check(spec(2, 24, 8, 16).withTypes(dtype, dtype), counts, counts);
        check(spec(2, 24, 8, 16).withTypes(dtype, DType.F32), counts, counts);
    }

    @Test
    void appliesTheSinkToTheOutputAlone() {
        int[] counts = {5, 130};
        PrefillBench prefill =
                new PrefillBench(bench, spec(4, 24, 8, 16).withSink(true), 1, 0, counts, counts);
        Tensor sink = prefill.sink;
        assertTrue(sink != null);
        bench.set(
                sink,
                head ->
                        switch ((int) head) {
                            case 0 -> Double.NEGATIVE_INFINITY;
                            case 1 -> Double.POSITIVE_INFINITY;
                            default -> head;
                        });
        prefill.check();
    }

    @ParameterizedTest
    @ValueSource(doubles = {10, 40})
    void staysAccurateForLargeLogits(double spread) {
        int[] counts = {200};
        PrefillBench prefill =
                new PrefillBench(bench, spec(2, 128, 64, 32), spread, 0, counts, counts);
        bench.run(prefill.spec, prefill.args());
        double largest = Arrays.stream(bench.read(prefill.maxLogit)).max().orElseThrow();
        assertTrue(largest > 2 * spread, "logits of " + largest);
        prefill.compare();
    }

    @Test
    void foldsLongSums() {
        check(spec(1, 8, 2, 4), new int[] {70}, new int[] {10_000});
        check(spec(1, 8, 2, 4).withCausal(false), new int[] {3}, new int[] {18_000});
        check(spec(1, 8, 2, 4), new int[] {4300}, new int[] {4300});
    }

    @Test
    void givesEachSequenceTheBitsItHasAlone() {
        int[] queries = {1, 70, 200, 5, 64};
        int[] keys = {129, 70, 333, 5, 500};
        MlaPrefill spec = spec(3, 24, 8, 16);
        PrefillBench prefill = new PrefillBench(bench, spec, 3, 1, queries, keys);
        bench.run(spec, prefill.args());
        for (int sequence = 0; sequence < queries.length; sequence++) {
            int from = prefill.queryStart[sequence];
            int end = prefill.queryStart[sequence + 1];
            int firstKey = prefill.keyStart[sequence];
            int endKey = prefill.keyStart[sequence + 1];
            Tensor out = bench.empty(DType.F32, end - from, 3, 16);
            bench.run(
                    MlaPrefill.of(end - from, 1, 3, 24, 8, 16, DType.F32)
                            .withMaxKeys(endKey - firstKey),
                    MlaPrefill.Args.of(
                            prefill.query.slice(0, from, end),
                            prefill.key.slice(0, firstKey, endKey),
                            prefill.ropeKey.slice(0, firstKey, endKey),
                            prefill.value.slice(0, firstKey, endKey),
                            bench.ints(0, end - from),
                            bench.ints(0, endKey - firstKey),
                            out));
            assertArrayEquals(
                    bench.bytes(prefill.out.slice(0, from, end)),
                    bench.bytes(out),
                    "sequence " + sequence + " has other bits alone");
        }
    }

    @Test
    void givesTheSameBitsForAnyThreads() {
        RowBench.sameBitsForAnyThreads(
                own -> {
                    int[] counts = {300, 5, 129};
                    PrefillBench prefill =
                            new PrefillBench(own, spec(5, 24, 8, 16), 2, 0, counts, counts);
                    own.run(prefill.spec, prefill.args());
                    return prefill.out;
                });
    }

    @Test
    void writesStridedResultsAndNothingElse() {
        int[] counts = {70};
        PrefillBench prefill = new PrefillBench(bench, spec(3, 24, 8, 16), 1, 2, counts, counts);
        bench.run(prefill.spec, prefill.args());
        Tensor wide = bench.empty(DType.F32, 3, 74, 20);
        Tensor out = wide.transpose(0, 1).slice(2, 1, 17);
        bench.run(
                prefill.spec,
                MlaPrefill.Args.of(
                        prefill.query,
                        prefill.key,
                        prefill.ropeKey,
                        prefill.value,
                        bench.ints(prefill.queryStart),
                        bench.ints(prefill.keyStart),
                        out));
        assertArrayEquals(bench.read(prefill.out.slice(0, 2, 72)), bench.read(out.slice(0, 2, 72)));
        for (double gap : bench.read(wide.slice(2, 17, 20))) {
            assertTrue(Double.isNaN(gap));
        }
    }

    @Test
    void doesNotLookAtWhatTheWorkspaceHeld() {
        PrefillBench prefill =
                new PrefillBench(
                        bench,
                        spec(3, 13, 2, 5),
                        1,
                        1,
                        new int[] {70, 3, 100},
                        new int[] {5000, 1, 100});
        PoisonedWorkspace.runTwice(bench.device(), prefill.spec, prefill.args());
        prefill.compare();
    }

    @Test
    void skipsSequencesOutsideTheRows() {
        int[] counts = {30, 40, 20};
        PrefillBench prefill = new PrefillBench(bench, spec(2, 12, 8, 10), 1, 0, counts, counts);
        bench.run(prefill.spec, prefill.args());
        double[] whole = bench.read(prefill.out);
        prefill.queryStart[3] = 91;
        bench.runFaulty(prefill.spec, prefill.args(), "queryStart[3] is 91");
        double[] first = bench.read(prefill.out.slice(0, 0, 70));
        assertArrayEquals(Arrays.copyOf(whole, first.length), first);
        prefill.queryStart[3] = 90;
        prefill.keyStart[1] = -1;
        bench.runFaulty(prefill.spec, prefill.args(), "keyStart[1] is -1");
        for (double value : bench.read(prefill.out.slice(0, 0, 70))) {
            assertEquals(0, value);
        }
        prefill.keyStart[1] = 89;
        bench.runFaulty(prefill.spec, prefill.args(), "keyStart[2] is 70");
    }

    @Test
    void declinesWhatItLacks() {
        declines(spec(1, 1, 1, 1).withTypes(DType.F64, DType.F64), Support.Reason.FORMAT);
        declines(spec(1, 1, 1, 1).withSoftmaxScale(1e-300), Support.Reason.NUMERICS);
        MlaPrefill huge = MlaPrefill.of(Integer.MAX_VALUE, 1, 128, 1, 1, 1, DType.F32);
        declines(huge, Support.Reason.SHAPE);
        declines(spec(1, Integer.MAX_VALUE, 1, 1), Support.Reason.SHAPE);
    }

    private void declines(MlaPrefill spec, Support.Reason reason) {
        Support support = bench.device().supports(spec);
        assertFalse(support.isNative());
        assertEquals(reason, ((Support.Declined) support).reason());
    }
}

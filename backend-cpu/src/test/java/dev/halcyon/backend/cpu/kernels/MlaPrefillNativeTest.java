package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.List;

/// Naive attention by the native kernels of every level against F64, and its laws.
@ParameterizedClass
@MethodSource("levels")
class MlaPrefillNativeTest {
    private final String level;
    private RowBench bench;

    MlaPrefillNativeTest(String level) {
        this.level = level;
    }

    static List<String> levels() {
        return NativeLevels.present();
    }

    @BeforeEach
    void open() {
        bench = RowBench.open(2, level);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static MlaPrefill spec(int heads, int nopeDim, int ropeDim, int valueDim) {
        return MlaPrefill.of(5000, 8, heads, nopeDim, ropeDim, valueDim, DType.BF16)
                .withMaxKeys(20_000);
    }

    private void check(MlaPrefill spec, int[] queryCounts, int[] keyCounts) {
        new PrefillBench(bench, spec, 1, 2, queryCounts, keyCounts).check();
    }

    @Test
    void isNamed() {
        Support support = bench.device().supports(spec(2, 24, 8, 16));
        assertEquals("mla.prefill." + level, ((Support.Native) support).implementation().name());
        support = bench.device().supports(spec(2, 24, 8, 16).withTypes(DType.BF16, DType.F32));
        assertEquals("mla.prefill", ((Support.Native) support).implementation().name());
    }

    @ParameterizedTest
    @CsvSource({
        "128, 64, 128",
        "12, 8, 10",
        "1, 0, 1",
        "192, 0, 1100",
        "17, 2, 33",
        "1100, 4, 3",
        "29, 4, 32",
        "64, 32, 61"
    })
    void matchesForAnyDimensions(int nopeDim, int ropeDim, int valueDim) {
        int[] counts = {70, 1};
        check(spec(3, nopeDim, ropeDim, valueDim), counts, counts);
        check(spec(3, nopeDim, ropeDim, valueDim).withCausal(false), counts, new int[] {1, 150});
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 15, 16, 17, 63, 64, 65, 255, 256, 257, 700})
    void matchesForAnyLength(int length) {
        check(spec(2, 12, 8, 10), new int[] {length}, new int[] {length});
    }

    @Test
    void alignsQueriesWithTheLastKeys() {
        int[] queries = {1, 64, 100, 3, 0, 300, 5};
        int[] keys = {200, 300, 101, 2, 9, 7, 5};
        check(spec(2, 12, 8, 10), queries, keys);
        check(spec(2, 12, 8, 10).withCausal(false), queries, keys);
        check(spec(2, 12, 8, 10), new int[] {290, 40}, new int[] {550, 0});
    }

    @Test
    void takesRaggedSequencesWithoutAny() {
        check(spec(2, 12, 8, 10), new int[0], new int[0]);
        check(spec(2, 12, 8, 10), new int[] {0}, new int[] {0});
        check(spec(2, 12, 8, 10), new int[] {0, 5, 0, 0, 67, 0}, new int[] {0, 5, 3, 0, 67, 0});
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
        int[] counts = {400};
        new PrefillBench(bench, spec(2, 128, 64, 32), spread, 0, counts, counts).check();
    }

    @Test
    void givesEachSequenceTheBitsItHasAlone() {
        int[] queries = {1, 70, 300, 5, 64};
        int[] keys = {129, 70, 333, 5, 500};
        MlaPrefill spec = spec(3, 24, 8, 16);
        PrefillBench prefill = new PrefillBench(bench, spec, 3, 1, queries, keys);
        bench.run(spec, prefill.args());
        for (int sequence = 0; sequence < queries.length; sequence++) {
            int from = prefill.queryStart[sequence];
            int end = prefill.queryStart[sequence + 1];
            int firstKey = prefill.keyStart[sequence];
            int endKey = prefill.keyStart[sequence + 1];
            Tensor out = bench.empty(DType.BF16, end - from, 3, 16);
            bench.run(
                    MlaPrefill.of(end - from, 1, 3, 24, 8, 16, DType.BF16)
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
        byte[][] bits = new byte[2][];
        for (int i = 0; i < 2; i++) {
            try (RowBench own = RowBench.open(1 + 2 * i, level)) {
                int[] counts = {300, 5, 129};
                PrefillBench prefill =
                        new PrefillBench(own, spec(5, 24, 8, 16), 2, 0, counts, counts);
                own.run(prefill.spec, prefill.args());
                bits[i] = own.bytes(prefill.out);
            }
        }
        assertArrayEquals(bits[0], bits[1], "three threads give other bits than one");
    }

    @Test
    void doesNotLookAtWhatTheWorkspaceHeld() {
        int[] queries = {70, 3, 300};
        int[] keys = {5000, 1, 300};
        PrefillBench prefill = new PrefillBench(bench, spec(3, 13, 2, 5), 1, 1, queries, keys);
        PoisonedWorkspace.runTwice(bench.device(), prefill.spec, prefill.args());
        prefill.compare();
    }
}

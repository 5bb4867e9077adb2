package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.CacheFormat;
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

import java.util.Arrays;
import java.util.List;

/// Absorbed attention by the native kernels of every level against F64, and its laws.
@ParameterizedClass
@MethodSource("levels")
class MlaDecodeNativeTest {
    private final String level;
    private RowBench bench;

    MlaDecodeNativeTest(String level) {
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

    private static MlaDecode spec(
            int sequences, int heads, int latentDim, int ropeDim, int maxPages, int rowsPerPage) {
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, latentDim, ropeDim, rowsPerPage);
        double scale = 1 / Math.sqrt(latentDim + ropeDim);
        return MlaDecode.of(sequences, heads, scale, format, maxPages, DType.BF16)
                .withBatchInvariant(true);
    }

    @Test
    void isNamed() {
        Support support = bench.device().supports(spec(1, 1, 8, 8, 1, 64));
        assertEquals("mla.decode." + level, ((Support.Native) support).implementation().name());
        support =
                bench.device()
                        .supports(
                                spec(1, 1, 8, 8, 1, 64)
                                        .withTypes(DType.BF16, DType.F32, DType.F32));
        assertEquals("mla.decode", ((Support.Native) support).implementation().name());
    }

    @ParameterizedTest
    @CsvSource({
        // heads, latent, rope, rows a page
        "128, 512, 64, 64",
        "16, 512, 64, 64",
        "16, 512, 64, 7",
        "3, 32, 8, 16",
        "1, 7, 0, 1",
        "65, 48, 16, 3",
        "33, 100, 4, 64",
        "200, 96, 32, 64",
        "2, 1100, 20, 5"
    })
    void matchesForAnyShape(int heads, int latentDim, int ropeDim, int rowsPerPage) {
        MlaDecode spec = spec(4, heads, latentDim, ropeDim, 200, rowsPerPage);
        new DecodeBench(bench, spec, 1, 1, 131, 64, 67).check();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 31, 32, 33, 255, 256, 257, 512, 513, 1500})
    void matchesForAnyLength(int length) {
        new DecodeBench(bench, spec(1, 5, 24, 8, 24, 64), 1, length).check();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64, 100, 512, 100_000})
    void matchesForAnySplit(int splitRows) {
        MlaDecode spec = spec(2, 9, 24, 8, 20, 64).withSplitRows(splitRows);
        new DecodeBench(bench, spec, 1, 1170, 200).check();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 70, 300})
    void hidesLaterTokensFromEarlierQueries(int queries) {
        MlaDecode spec = spec(4, 3, 24, 8, 5, 64).withQueriesPerSequence(queries);
        new DecodeBench(bench, spec.withSplitRows(50), 1, 1, 64, 250, 0).check();
        new DecodeBench(bench, spec, 1, 300, 64, 320, 17).check();
    }

    @Test
    void appliesTheSinkToTheOutputAlone() {
        DecodeBench step =
                new DecodeBench(bench, spec(3, 6, 24, 8, 5, 64).withSink(true), 1, 1, 300, 0);
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
        new DecodeBench(bench, spec(1, 20, 512, 64, 12, 64), spread, 700).check();
    }

    /// Each row's logits are far above all before, or far below, so references move again and
    /// again.
    @ParameterizedTest
    @ValueSource(ints = {1, -1})
    void followsRisingAndFallingLogits(int direction) {
        MlaDecode spec = spec(1, 18, 32, 0, 40, 64).withSplitRows(3000);
        DecodeBench step = new DecodeBench(bench, spec, 1, 2500);
        bench.set(step.query, number -> number % 32 == 0 ? 8 : 0.125 * (number % 3));
        for (int row = 0; row < 2500; row++) {
            int slot = step.table[row / 64] * 64 + row % 64;
            Tensor cells = step.pool.rows().get(slot / 64).get(slot % 64);
            double height = direction * (row / 100) * 16;
            bench.set(cells, number -> number == 0 ? height : bench.random().nextGaussian());
            step.rows[0][row] = bench.read(cells);
        }
        step.check();
    }

    @Test
    void givesEachSequenceTheBitsItHasAlone() {
        MlaDecode spec = spec(6, 20, 40, 8, 40, 64).withQueriesPerSequence(2).withSplitRows(128);
        DecodeBench step = new DecodeBench(bench, spec, 3, 0, 1, 700, 64, 2500, 129);
        bench.run(spec, step.args());
        MlaDecode alone = spec(1, 20, 40, 8, 77, 64).withQueriesPerSequence(2).withSplitRows(128);
        for (int sequence = 0; sequence < 6; sequence++) {
            Tensor out = bench.empty(DType.BF16, 2, 20, 40);
            int[] table =
                    Arrays.copyOf(
                            Arrays.copyOfRange(step.table, sequence * 40, (sequence + 1) * 40),
                            alone.maxPagesPerSequence());
            bench.run(
                    alone,
                    MlaDecode.Args.of(
                            step.query.slice(0, sequence * 2L, sequence * 2L + 2),
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
    void givesTheSameBitsForAnyThreads() {
        byte[][] bits = new byte[2][];
        for (int i = 0; i < 2; i++) {
            try (RowBench own = RowBench.open(1 + 2 * i, level)) {
                MlaDecode spec = spec(5, 70, 40, 8, 40, 64).withSplitRows(100);
                DecodeBench step = new DecodeBench(own, spec, 3, 0, 1, 700, 64, 2500);
                own.run(spec, step.args());
                bits[i] = own.bytes(step.out);
            }
        }
        assertArrayEquals(bits[0], bits[1], "three threads give other bits than one");
    }

    @Test
    void skipsRowsOfPagesOutsideThePool() {
        MlaDecode spec = spec(2, 4, 24, 8, 5, 64).withSplitRows(96);
        DecodeBench step = new DecodeBench(bench, spec, 1, 300, 40);
        step.table[1] = -1;
        step.table[4] = (int) step.pool.pages();
        step.table[5] = Integer.MAX_VALUE;
        bench.runFaulty(spec, step.args(), "blockTable[");
        step.compare((sequence, row) -> sequence == 0 && row / 64 != 1 && row / 64 != 4);
    }

    @Test
    void keepsNaNOfAQueryToItself() {
        MlaDecode spec = spec(1, 20, 24, 8, 5, 64);
        DecodeBench step = new DecodeBench(bench, spec, 1, 300);
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
    void takesStridedQueriesAndResults() {
        MlaDecode spec = spec(2, 4, 24, 8, 5, 64);
        DecodeBench step = new DecodeBench(bench, spec, 1, 100, 30);
        bench.run(spec, step.args());
        Tensor query = bench.empty(DType.BF16, 2, 7, 40).slice(1, 2, 6).slice(2, 3, 35);
        double[] values = bench.read(step.query);
        bench.set(query, number -> values[(int) number]);
        Tensor wide = bench.empty(DType.BF16, 4, 2, 30);
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
    void doesNotLookAtWhatTheWorkspaceHeld() {
        MlaDecode spec = spec(3, 5, 21, 3, 60, 64).withQueriesPerSequence(2).withSplitRows(1500);
        DecodeBench step = new DecodeBench(bench, spec, 1, 3700, 5, 0);
        PoisonedWorkspace.runTwice(bench.device(), spec, step.args());
        step.compare((sequence, row) -> true);
    }

    @Test
    void keepsItsWorkspaceSmallForLargeBounds() {
        MlaDecode spec = spec(256, 128, 512, 64, 1 << 14, 64);
        long bytes = bench.device().plan(spec).workspaceBytes();
        assertTrue(bytes < 24 << 20, bytes + " bytes");
    }
}

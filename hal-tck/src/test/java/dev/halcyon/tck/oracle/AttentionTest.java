package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.assertGradient;
import static dev.halcyon.tck.oracle.Numbers.dot;
import static dev.halcyon.tck.oracle.Numbers.gaussian;
import static dev.halcyon.tck.oracle.Numbers.matrix;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.tck.oracle.MlaLayer.Form;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

class AttentionTest {
    private static final double INFINITY = Double.POSITIVE_INFINITY;
    private static final double[] NO_SINKS = {};
    private static final int WIDTH = 5;
    private static final int KEYS = 9;

    private final double[] query = gaussian(1, WIDTH);
    private final Rows keys = Rows.of(gaussian(2, KEYS, WIDTH), KEYS, WIDTH);
    private final Rows values = Rows.of(gaussian(3, KEYS, 3), KEYS, 3);
    private final MlaShape shape = new MlaShape(10, 3, 6, 7, 4, 2, 5);
    private final MlaLayer layer =
            new MlaLayer(
                    shape,
                    new MlaWeights(
                            matrix(11, 6, 10),
                            gaussian(12, 6),
                            matrix(13, 18, 6),
                            matrix(14, 9, 10),
                            gaussian(15, 7),
                            matrix(16, 27, 7),
                            matrix(17, 10, 15)),
                    RopeTable.of(2, 10_000, null),
                    0.4,
                    1e-6);

    @Test
    void aQueryWithoutKeysYieldsNothing() {
        Attention.Head nothing = Attention.attend(query, 0, keys, values, 0, 0.3, 5);
        assertClose(new double[3], nothing.output());
        assertEquals(INFINITY, nothing.logSumExp());
        assertEquals(-INFINITY, nothing.maxLogit());
    }

    @Test
    void equalKeysAverageTheValues() {
        Rows same = Rows.of(new double[] {1, 1, 1, 1}, 4, 1);
        Rows numbers = Rows.of(new double[] {1, 2, 3, 10}, 4, 1);
        Attention.Head head =
                Attention.attend(new double[] {2}, 0, same, numbers, 3, 0.5, Attention.NO_SINK);
        assertEquals(2, head.output()[0], 1e-15);
        assertEquals(1 + Math.log(3), head.logSumExp(), 1e-15);
        assertEquals(1, head.maxLogit());
    }

    @Test
    void aSinkIsAKeyWithoutAValue() {
        double sink = 0.8;
        double[] longer = Arrays.copyOf(values.toArray(), (KEYS + 1) * 3);
        double[] keyData = Arrays.copyOf(keys.toArray(), (KEYS + 1) * WIDTH);
        double norm = dot(query, query);
        for (int i = 0; i < WIDTH; i++) {
            keyData[KEYS * WIDTH + i] = query[i] / norm * sink / 0.3;
        }
        Attention.Head expected =
                Attention.attend(
                        query,
                        0,
                        Rows.of(keyData, KEYS + 1, WIDTH),
                        Rows.of(longer, KEYS + 1, 3),
                        KEYS + 1,
                        0.3,
                        Attention.NO_SINK);
        Attention.Head actual = Attention.attend(query, 0, keys, values, KEYS, 0.3, sink);
        assertClose(expected.output(), actual.output());
        assertEquals(attend(KEYS).logSumExp(), actual.logSumExp());
        assertClose(
                new double[3],
                Attention.attend(query, 0, keys, values, KEYS, 0.3, INFINITY).output());
    }

    @Test
    void hugeLogitsStayFinite() {
        Attention.Head head =
                Attention.attend(query, 0, keys, values, KEYS, 1e6, Attention.NO_SINK);
        assertEquals(head.maxLogit(), head.logSumExp(), Math.abs(head.maxLogit()) * 1e-15);
    }

    @Test
    void piecesMergeToTheWhole() {
        for (double sink : new double[] {Attention.NO_SINK, 0.3, INFINITY}) {
            Attention.Head empty =
                    Attention.attend(query, 0, keys, values, 0, 0.3, Attention.NO_SINK);
            Attention.Head internal =
                    new Attention.Head(new double[] {Double.NaN, 0, 0}, -INFINITY, -INFINITY);
            List<Attention.Head> pieces =
                    List.of(piece(0, 4), empty, piece(4, 1), internal, piece(5, 4));
            Attention.Head merged = SplitCombine.merge(pieces, 3, sink);
            Attention.Head whole = Attention.attend(query, 0, keys, values, KEYS, 0.3, sink);
            assertClose(whole.output(), merged.output());
            assertEquals(whole.logSumExp(), merged.logSumExp(), 1e-14);
            assertEquals(whole.maxLogit(), merged.maxLogit());
        }
        Attention.Head nothing = SplitCombine.merge(List.of(), 3, 1);
        assertClose(new double[3], nothing.output());
        assertEquals(INFINITY, nothing.logSumExp());
    }

    @Test
    void gradientsMatchDifferences() {
        double[] dOutput = gaussian(4, 3);
        for (double sink : new double[] {Attention.NO_SINK, 0.3}) {
            Attention.Gradient gradient =
                    Attention.backward(dOutput, query, 0, keys, values, 7, 0.3, sink);
            assertGradient(v -> loss(dOutput, v, keys, values, sink), query, gradient.dQuery());
            assertGradient(
                    v -> loss(dOutput, query, Rows.of(v, KEYS, WIDTH), values, sink),
                    keys.toArray(),
                    Arrays.copyOf(gradient.dKeys(), KEYS * WIDTH));
            assertGradient(
                    v -> loss(dOutput, query, keys, Rows.of(v, KEYS, 3), sink),
                    values.toArray(),
                    Arrays.copyOf(gradient.dValues(), KEYS * 3));
            if (sink != Attention.NO_SINK) {
                assertGradient(
                        v -> loss(dOutput, query, keys, values, v[0]),
                        new double[] {sink},
                        new double[] {gradient.dSink()});
            }
        }
    }

    @Test
    void naiveAndAbsorbedAgreeInOutputAndStatistics() {
        double[] x = gaussian(20, 6, 10);
        int[] positions = IntStream.range(100, 106).toArray();
        MlaLayer.Output naive = layer.forward(x, positions, new LatentCache(9), Form.NAIVE);
        MlaLayer.Output absorbed = layer.forward(x, positions, new LatentCache(9), Form.ABSORBED);
        assertClose(naive.y(), absorbed.y());
        assertClose(naive.attention().logSumExp(), absorbed.attention().logSumExp());
        assertClose(naive.attention().maxLogit(), absorbed.attention().maxLogit());
    }

    @Test
    void chunksAndSingleTokensGiveWhatOnePrefillGives() {
        double[] x = gaussian(21, 7, 10);
        double[] whole = layer.forward(x, range(0, 7), new LatentCache(9), Form.NAIVE).y();
        for (Form form : Form.values()) {
            for (int chunk : new int[] {1, 3, 7}) {
                LatentCache cache = new LatentCache(9);
                double[] y = new double[whole.length];
                for (int first = 0; first < 7; first += chunk) {
                    int count = Math.min(chunk, 7 - first);
                    double[] some = Arrays.copyOfRange(x, first * 10, (first + count) * 10);
                    double[] part = layer.forward(some, range(first, count), cache, form).y();
                    System.arraycopy(part, 0, y, first * 10, part.length);
                }
                assertClose(whole, y);
            }
        }
    }

    @Test
    void contextBlocksWithoutAMaskMergeWithTheCausalChunk() {
        double[] x = gaussian(22, 8, 10);
        LatentCache cache = new LatentCache(9);
        cache.append(layer.cacheRows(x, range(0, 8)));
        double[] query = Columns.slice(layer.query(x, range(0, 8)), 8 * 18, 5 * 18, 3 * 18);
        MlaPrefill.KeyValues all = layer.keyValues(cache.toArray());
        MlaPrefill causal = MlaPrefill.of(shape, 0.4, true);
        MlaPrefill open = MlaPrefill.of(shape, 0.4, false);
        double[] sinks = {0.1, -INFINITY, 2};
        AttentionResult whole = causal.run(query, all, sinks);
        List<AttentionResult> parts =
                List.of(
                        open.run(query, all, new int[] {0, 3}, new int[] {0, 2}, NO_SINKS),
                        open.run(query, all, new int[] {0, 3}, new int[] {2, 5}, NO_SINKS),
                        causal.run(query, all, new int[] {0, 3}, new int[] {5, 8}, NO_SINKS));
        AttentionResult merged = AttentionResult.empty(3, 3, 5);
        for (int q = 0; q < 3; q++) {
            for (int head = 0; head < 3; head++) {
                int row = q * 3 + head;
                int h = head;
                List<Attention.Head> pieces =
                        parts.stream()
                                .map(
                                        part ->
                                                new Attention.Head(
                                                        Arrays.copyOfRange(
                                                                part.output(),
                                                                row * 5,
                                                                row * 5 + 5),
                                                        part.logSumExp()[row],
                                                        part.maxLogit()[h]))
                                .toList();
                merged.put(q, head, SplitCombine.merge(pieces, 5, sinks[head]));
            }
        }
        assertClose(whole.output(), merged.output());
        assertClose(whole.logSumExp(), merged.logSumExp());
        assertClose(whole.maxLogit(), merged.maxLogit());
    }

    @Test
    void queriesBeyondTheKeysSeeNothing() {
        MlaPrefill prefill = new MlaPrefill(1, 2, 0, 1, 1, true);
        MlaPrefill.KeyValues one =
                new MlaPrefill.KeyValues(new double[] {1, 1}, new double[0], new double[] {4});
        AttentionResult result = prefill.run(gaussian(23, 3, 2), one, NO_SINKS);
        assertArrayEquals(new double[] {0, 0, 4}, result.output());
        assertEquals(INFINITY, result.logSumExp()[1]);
    }

    @Test
    void pagesGiveWhatContiguousRowsGive() {
        int heads = 2;
        int[] lengths = {5, 0, 3, 8};
        int[] queryStart = {0, 1, 2, 5, 7};
        PagedCache pool = PagedCache.poisoned(6, 4, WIDTH);
        int[] blockTable = {4, 1, -7, 99, 0, 99, 3, 2};
        Rows[] sequences = new Rows[4];
        for (int s = 0; s < 4; s++) {
            double[] rows = gaussian(30 + s, lengths[s], WIDTH);
            sequences[s] = Rows.of(rows, lengths[s], WIDTH);
            int first = s * 2;
            pool.append(
                    rows,
                    IntStream.range(0, lengths[s])
                            .map(r -> blockTable[first + r / 4] * 4 + r % 4)
                            .toArray());
        }
        double[] query = gaussian(40, 7, heads, WIDTH);
        double[] sinks = {0.2, -INFINITY};
        MlaDecode decode = new MlaDecode(heads, 3, 0.7);
        AttentionResult paged = decode.run(query, queryStart, pool, blockTable, lengths, sinks);
        for (int s = 0; s < 4; s++) {
            int from = queryStart[s] * heads;
            int to = queryStart[s + 1] * heads;
            double[] some = Arrays.copyOfRange(query, from * WIDTH, to * WIDTH);
            AttentionResult plain = decode.run(some, sequences[s], sinks);
            assertArrayEquals(plain.output(), Arrays.copyOfRange(paged.output(), from * 3, to * 3));
            assertArrayEquals(plain.logSumExp(), Arrays.copyOfRange(paged.logSumExp(), from, to));
        }
    }

    @Test
    void rowsOfAPageOutsideThePoolCountAsNotThere() {
        PagedCache pool = new PagedCache(gaussian(41, 3, 2, WIDTH), 3, 2, WIDTH);
        MlaDecode decode = new MlaDecode(1, 3, 0.7);
        int[] one = {0, 1};
        AttentionResult holed =
                decode.run(query, one, pool, new int[] {2, 9, 0}, new int[] {5}, NO_SINKS);
        double[] there = new double[3 * WIDTH];
        double[] row = new double[WIDTH];
        int at = 0;
        for (int slot : new int[] {4, 5, 0}) {
            pool.sequence(new int[] {slot / 2}, 2).read(slot % 2, row);
            System.arraycopy(row, 0, there, at, WIDTH);
            at += WIDTH;
        }
        assertArrayEquals(
                decode.run(query, Rows.of(there, 3, WIDTH), NO_SINKS).output(), holed.output());
        AttentionResult cut =
                decode.run(query, one, pool, new int[] {2}, new int[] {100}, NO_SINKS);
        AttentionResult two = decode.run(query, one, pool, new int[] {2}, new int[] {2}, NO_SINKS);
        assertArrayEquals(two.output(), cut.output());
        AttentionResult negative =
                decode.run(query, one, pool, new int[] {2}, new int[] {-3}, NO_SINKS);
        assertEquals(INFINITY, negative.logSumExp()[0]);
    }

    @Test
    void slotsOutsideThePoolAreRefusedAndMinusOneIsDropped() {
        PagedCache pool = PagedCache.poisoned(1, 2, 1);
        pool.append(new double[] {7, 8}, new int[] {-1, 1});
        assertClose(new double[] {8}, pool.sequence(new int[] {0}, 2).slice(1, 1).toArray());
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> pool.append(new double[] {1}, new int[] {2}));
    }

    @Test
    void weightsThatDoNotFitAreNamed() {
        MlaShape other = new MlaShape(10, 3, 0, 7, 4, 2, 5);
        assertThrows(IllegalArgumentException.class, () -> layer.weights().check(other));
        assertThrows(IllegalArgumentException.class, () -> new MlaShape(10, 3, 0, 7, 4, 3, 5));
    }

    @Test
    void theSoftmaxScaleTakesTheWidthOfTheNaiveQuery() {
        assertEquals(1 / Math.sqrt(6), MlaLayer.softmaxScale(shape, null), 1e-16);
    }

    private Attention.Head attend(int visible) {
        return Attention.attend(query, 0, keys, values, visible, 0.3, Attention.NO_SINK);
    }

    private Attention.Head piece(int first, int count) {
        return Attention.attend(
                query,
                0,
                keys.slice(first, count),
                values.slice(first, count),
                count,
                0.3,
                Attention.NO_SINK);
    }

    private static double loss(
            double[] dOutput, double[] query, Rows keys, Rows values, double sink) {
        return dot(dOutput, Attention.attend(query, 0, keys, values, 7, 0.3, sink).output());
    }

    private static int[] range(int first, int count) {
        return IntStream.range(first, first + count).toArray();
    }
}

package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Sampling;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/// Choices of tokens against the oracle, with the same random numbers.
class SampleKernelTest {
    private static final double NAN = Double.NaN;
    private static final double INFINITY = Double.POSITIVE_INFINITY;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private int[] greedy(DType dtype, Tensor logits) {
        Tensor ids = bench.empty(DType.I32, logits.dim(0));
        bench.run(Sample.greedy(20, (int) logits.dim(1), dtype), Sample.Args.greedy(logits, ids));
        return bench.readInts(ids);
    }

    @ParameterizedTest
    @CsvSource({"F32,1", "F32,3", "F32,1024", "F32,2049", "BF16,700", "F16,5000"})
    void greedyTakesTheFirstOfTheLargest(DType dtype, int vocab) {
        Tensor logits = bench.normalStrided(dtype, 4, vocab);
        double[] values = bench.read(logits);
        int[] expected = new int[4];
        for (int row = 0; row < 4; row++) {
            expected[row] =
                    Sampling.greedy(Arrays.copyOfRange(values, row * vocab, (row + 1) * vocab));
        }
        assertArrayEquals(expected, greedy(dtype, logits));
    }

    @Test
    void equalLogitsGoToTheSmallestId() {
        double[] row = new double[3000];
        row[2500] = 7;
        row[1500] = 7;
        row[1499] = 7;
        assertArrayEquals(new int[] {1499}, greedy(DType.F32, bench.of(DType.F32, row, 1, 3000)));
        assertArrayEquals(
                new int[] {0}, greedy(DType.F32, bench.of(DType.F32, new double[3000], 1, 3000)));
        assertArrayEquals(
                new int[] {1},
                greedy(DType.F32, bench.of(DType.F32, new double[] {-1, -0.0, 0.0}, 1, 3)));
    }

    @Test
    void naNComesLast() {
        double[] row = new double[2100];
        Arrays.fill(row, NAN);
        row[2000] = -INFINITY;
        assertArrayEquals(new int[] {2000}, greedy(DType.F32, bench.of(DType.F32, row, 1, 2100)));
        row[2050] = -3;
        assertArrayEquals(new int[] {2050}, greedy(DType.F32, bench.of(DType.F32, row, 1, 2100)));
    }

    @Test
    void aRowOfNaNGivesZeroAndAFault() {
        Tensor logits = bench.of(DType.F32, new double[] {1, 2, NAN, NAN}, 2, 2);
        Tensor ids = bench.ints(5, 5);
        bench.runFaulty(
                Sample.greedy(2, 2, DType.F32), Sample.Args.greedy(logits, ids), "logits[1]");
        assertArrayEquals(new int[] {1, 0}, bench.readInts(ids));
    }

    /// Draws many tokens from one row of logits, and checks each whose random number is not at the
    /// very border of two.
    private void draw(double[] row, double temperature, int topK, double topP) {
        int n = 200;
        int vocab = row.length;
        double[] logits = new double[n * vocab];
        for (int i = 0; i < n; i++) {
            System.arraycopy(row, 0, logits, i * vocab, vocab);
        }
        Tensor ids = bench.empty(DType.I32, n);
        double[] heat = new double[n];
        double[] mass = new double[n];
        int[] count = new int[n];
        Arrays.fill(heat, temperature);
        Arrays.fill(mass, topP);
        Arrays.fill(count, topK);
        bench.run(
                Sample.random(n, vocab, DType.F32),
                Sample.Args.random(
                                bench.of(DType.F32, logits, n, vocab),
                                bench.longs(
                                        LongStream.range(0, n).map(i -> i * 7919 - 5).toArray()),
                                bench.ints(IntStream.range(0, n).map(i -> i - 3).toArray()),
                                ids)
                        .withTemperature(bench.floats(heat))
                        .withTopP(bench.floats(mass))
                        .withTopK(bench.ints(count)));
        double[] probabilities =
                Sampling.distribution(
                        Arrays.stream(row).map(value -> (float) value).toArray(),
                        (float) temperature,
                        topK,
                        (float) topP);
        int[] drawn = bench.readInts(ids);
        int checked = 0;
        for (int i = 0; i < n; i++) {
            double uniform = Sampling.uniform(i * 7919L - 5, i - 3);
            if (Sampling.margin(probabilities, uniform) > 1e-5) {
                assertEquals(
                        Sampling.draw(probabilities, uniform),
                        drawn[i],
                        "draw "
                                + i
                                + " at temperature "
                                + temperature
                                + ", topK "
                                + topK
                                + ", topP "
                                + topP);
                checked++;
            }
        }
        assertTrue(checked > n / 2, "only " + checked + " draws were clear");
    }

    private double[] normal(int n) {
        return bench.random().doubles(n, -3, 3).map(value -> (float) value).toArray();
    }

    @ParameterizedTest
    @CsvSource({
        "1,0,1",
        "0.5,0,1",
        "3,0,1",
        "1,5,1",
        "1,1,1",
        "0.7,40,0.9",
        "1,0,0.5",
        "1,0,0.999",
        "1,0,0",
        "1,0,-1",
        "1,100000,0.3",
        "1e-6,0,1",
        "1e30,7,1",
        "1,3,NaN",
        "0,5,0.5",
        "-1,0,1",
        "NaN,0,1"
    })
    void drawsAsTheOracleDoes(double temperature, int topK, double topP) {
        draw(normal(50), temperature, topK, topP);
        draw(normal(1500), temperature, topK, topP);
        draw(new double[] {2, 2, 2, 2, 1, 1, 1, 2}, temperature, topK, topP);
        draw(new double[] {1}, temperature, topK, topP);
        draw(new double[] {NAN, 1, -INFINITY, 1.5, NAN, 0}, temperature, topK, topP);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void anInfiniteLargestLogitIsTaken(int topK) {
        draw(new double[] {1, INFINITY, 3, INFINITY}, 1, topK, 0.9);
        draw(new double[] {NAN, -INFINITY, -INFINITY}, 1, topK, 0.9);
    }

    @Test
    void equalLogitsAreCutByTheSmallestIds() {
        double[] row = new double[40];
        Arrays.fill(row, 3);
        draw(row, 1, 4, 1);
        draw(row, 1, 0, 0.26);
    }

    @Test
    void aRowDoesNotDependOnTheOthers() {
        Tensor logits = bench.normal(DType.F32, 9, 3000);
        Tensor ids = bench.empty(DType.I32, 9);
        Tensor seeds = bench.longs(1, 2, 3, 4, 5, 6, 7, 8, 9);
        Tensor positions = bench.ints(0, 1, 2, 3, 4, 5, 6, 7, 8);
        Tensor mass = bench.floats(.9, .8, .7, .6, .5, .4, .3, .2, .1);
        bench.run(
                Sample.random(9, 3000, DType.F32),
                Sample.Args.random(logits, seeds, positions, ids).withTopP(mass));
        for (int row = 0; row < 9; row++) {
            Tensor one = bench.empty(DType.I32, 1);
            bench.run(
                    Sample.random(64, 3000, DType.F32),
                    Sample.Args.random(
                                    logits.slice(0, row, row + 1),
                                    seeds.slice(0, row, row + 1),
                                    positions.slice(0, row, row + 1),
                                    one)
                            .withTopP(mass.slice(0, row, row + 1)));
            assertEquals(bench.readInts(ids)[row], bench.readInts(one)[0]);
        }
    }

    @Test
    void deadRowsAreNotLookedAt() {
        Tensor logits = bench.of(DType.F32, new double[] {1, 2, NAN, NAN}, 2, 2);
        Tensor ids = bench.ints(5, 5);
        bench.run(
                Sample.greedy(2, 2, DType.F32),
                Sample.Args.greedy(logits, ids).withActiveRows(bench.ints(1)));
        assertEquals(1, bench.readInts(ids)[0]);
    }

    @Test
    void anyNumberOfThreadsGivesTheSameIds() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor ids = some.empty(DType.I32, 30);
                    some.run(
                            Sample.random(30, 2000, DType.F32),
                            Sample.Args.random(
                                            some.normal(DType.F32, 30, 2000),
                                            some.longs(LongStream.range(0, 30).toArray()),
                                            some.ints(new int[30]),
                                            ids)
                                    .withTopP(
                                            some.floats(
                                                    IntStream.range(0, 30)
                                                            .mapToDouble(i -> i / 30.0)
                                                            .toArray())));
                    return ids;
                });
    }
}

package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Sums of expert rows against plain loops in double.
class MoeCombineKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double[] expected(
            Tensor rows, Tensor tokenRow, @Nullable Tensor weights, @Nullable Tensor addend) {
        int topK = (int) tokenRow.dim(1);
        int dim = (int) rows.dim(1);
        double[] values = bench.read(rows);
        int[] at = bench.readInts(tokenRow);
        double[] sums = addend == null ? new double[at.length / topK * dim] : bench.read(addend);
        for (int i = 0; i < at.length; i++) {
            double weight = weights == null ? 1 : bench.read(weights)[i];
            for (int c = 0; at[i] >= 0 && c < dim; c++) {
                sums[i / topK * dim + c] += weight * values[at[i] * dim + c];
            }
        }
        return sums;
    }

    private Tensor randomRows(int tokens, int topK, int rows) {
        return bench.intMatrix(
                bench.random().ints((long) tokens * topK, -1, rows).toArray(), tokens, topK);
    }

    @ParameterizedTest
    @CsvSource({"F32,1", "F32,37", "F32,1025", "F32,20000", "BF16,130", "F16,1100"})
    void sumsWeightedRowsAndTheAddend(DType dtype, int dim) {
        Tensor rows = bench.normalStrided(dtype, 9, dim);
        Tensor tokenRow = randomRows(5, 3, 9);
        Tensor weights = bench.normal(DType.F32, 5, 3);
        Tensor addend = bench.normal(dtype, 5, dim);
        Tensor out = bench.strided(dtype, 5, dim);
        MoeCombine spec = new MoeCombine(8, 3, dim, 12, dtype, dtype, true, true);
        bench.run(
                spec,
                MoeCombine.Args.of(rows, tokenRow, out).withWeights(weights).withAddend(addend));
        bench.assertClose(expected(rows, tokenRow, weights, addend), out);
        bench.assertGapsAreNaN(out, dim);
    }

    @Test
    void theAddendMayBeTheResult() {
        Tensor rows = bench.normal(DType.BF16, 4, 50);
        Tensor tokenRow = randomRows(3, 2, 4);
        Tensor out = bench.normal(DType.F32, 3, 50);
        double[] expected = expected(rows, tokenRow, null, out);
        MoeCombine spec = new MoeCombine(3, 2, 50, 4, DType.BF16, DType.F32, false, true);
        bench.run(spec, MoeCombine.Args.of(rows, tokenRow, out).withAddend(out));
        bench.assertClose(expected, out);
    }

    @Test
    void aTokenWithoutRowsIsZero() {
        Tensor rows = bench.normal(DType.F32, 1, 8);
        Tensor out = bench.empty(DType.F32, 2, 8);
        MoeCombine spec = new MoeCombine(2, 2, 8, 1, DType.F32, DType.F32, false, false);
        bench.run(
                spec,
                MoeCombine.Args.of(rows, bench.intMatrix(new int[] {-1, -1, -1, -1}, 2, 2), out));
        assertArrayEquals(new double[16], bench.read(out));
    }

    @Test
    void aWrongRowMakesTheTokenZeroAndFaults() {
        Tensor rows = bench.normal(DType.F32, 3, 3000);
        MoeCombine spec = new MoeCombine(2, 2, 3000, 9, DType.F32, DType.F32, false, false);
        for (int wrong : new int[] {3, -2, Integer.MAX_VALUE}) {
            Tensor out = bench.empty(DType.F32, 2, 3000);
            Tensor tokenRow = bench.intMatrix(new int[] {0, 1, 2, wrong}, 2, 2);
            bench.runFaulty(
                    spec, MoeCombine.Args.of(rows, tokenRow, out), "tokenRow[3] is " + wrong);
            assertArrayEquals(new double[3000], bench.read(out.slice(0, 1, 2)));
            bench.assertClose(
                    expected(rows, tokenRow.slice(0, 0, 1), null, null), out.slice(0, 0, 1));
        }
    }

    @Test
    void deadTokensAreNotLookedAt() {
        Tensor rows = bench.normal(DType.F32, 3, 5);
        Tensor out = bench.empty(DType.F32, 2, 5);
        Tensor tokenRow = bench.intMatrix(new int[] {0, 1, 99, 99}, 2, 2);
        MoeCombine spec = new MoeCombine(2, 2, 5, 3, DType.F32, DType.F32, false, false);
        bench.run(spec, MoeCombine.Args.of(rows, tokenRow, out).withActiveRows(bench.ints(1)));
        bench.assertClose(expected(rows, tokenRow.slice(0, 0, 1), null, null), out.slice(0, 0, 1));
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor out = some.empty(DType.F32, 60, 1000);
                    int[] rows = some.random().ints(240, 0, 100).toArray();
                    some.run(
                            new MoeCombine(60, 4, 1000, 100, DType.F32, DType.F32, true, false),
                            MoeCombine.Args.of(
                                            some.normal(DType.F32, 100, 1000),
                                            some.intMatrix(rows, 60, 4),
                                            out)
                                    .withWeights(some.normal(DType.F32, 60, 4)));
                    return out;
                });
    }
}

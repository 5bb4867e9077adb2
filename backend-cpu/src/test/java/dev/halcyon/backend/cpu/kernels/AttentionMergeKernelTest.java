package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.Arrays;

/// Merging by log-sum-exp, against F64 and against attention over all keys at once.
class AttentionMergeKernelTest {
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

    /// Checks against `Σ exp(l_p - L) · partial_p · 1 / (1 + exp(sink - L))` in double.
    private void check(Tensor partial, Tensor lse, double[] sinks, Tensor out, Tensor logSumExp) {
        int parts = (int) lse.dim(0);
        int pairs = (int) (lse.dim(1) * lse.dim(2));
        int dim = (int) partial.dim(3);
        double[] l = bench.read(lse);
        double[] o = bench.read(partial);
        double[] sums = new double[pairs];
        double[] merged = new double[pairs * dim];
        for (int pair = 0; pair < pairs; pair++) {
            double total = 0;
            for (int p = 0; p < parts; p++) {
                total += Double.isInfinite(l[p * pairs + pair]) ? 0 : Math.exp(l[p * pairs + pair]);
            }
            sums[pair] = total == 0 ? INFINITY : Math.log(total);
            double kept =
                    sinks.length == 0
                            ? 1
                            : 1 / (1 + Math.exp(sinks[pair % sinks.length] - sums[pair]));
            for (int p = 0; p < parts; p++) {
                for (int d = 0; d < dim && !Double.isInfinite(l[p * pairs + pair]); d++) {
                    merged[pair * dim + d] +=
                            Math.exp(l[p * pairs + pair] - sums[pair])
                                    * kept
                                    * o[(p * pairs + pair) * dim + d];
                }
            }
        }
        bench.assertClose(merged, out);
        bench.assertClose(sums, logSumExp);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "3, 2, 10, 4", "7, 5, 512, 3", "2, 3, 1100, 65", "40, 16, 128, 2"})
    void matchesForAnyShape(int rows, int heads, int dim, int parts) {
        Tensor partial = bench.normal(DType.F32, parts, rows, heads, dim);
        Tensor lse = bench.normal(DType.F32, parts, rows, heads);
        Tensor out = bench.empty(DType.F32, rows, heads, dim);
        Tensor sums = bench.empty(DType.F32, rows, heads);
        bench.run(
                AttentionMerge.of(rows + 2, heads, dim, parts, DType.F32),
                AttentionMerge.Args.of(partial, lse, out).withLogSumExp(sums));
        check(partial, lse, new double[0], out, sums);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesTypesAndStrides(DType dtype) {
        Tensor partial = bench.normal(dtype, 4, 3, 2, 40).slice(1, 1, 3).slice(3, 3, 30);
        Tensor lse = bench.normal(DType.F32, 4, 5, 2).slice(1, 2, 4);
        Tensor out = bench.empty(dtype, 2, 2, 30).slice(2, 1, 28);
        Tensor sums = bench.empty(DType.F32, 2, 7).slice(1, 2, 4);
        bench.run(
                AttentionMerge.of(2, 2, 27, 4, dtype),
                AttentionMerge.Args.of(partial, lse, out).withLogSumExp(sums));
        check(partial, lse, new double[0], out, sums);
    }

    @Test
    void doesNotLookAtPartsWithoutKeys() {
        double nan = Double.NaN;
        Tensor partial =
                bench.of(DType.F32, new double[] {1, nan, nan, nan, nan, 4, 5, nan}, 2, 1, 4, 1);
        Tensor lse =
                bench.of(
                        DType.F32,
                        new double[] {
                            0, INFINITY, -INFINITY, INFINITY, -INFINITY, 3, -300, -INFINITY
                        },
                        2,
                        1,
                        4);
        Tensor out = bench.empty(DType.F32, 1, 4, 1);
        Tensor sums = bench.empty(DType.F32, 1, 4);
        AttentionMerge spec = AttentionMerge.of(1, 4, 1, 2, DType.F32);
        bench.run(spec, AttentionMerge.Args.of(partial, lse, out).withLogSumExp(sums));
        assertArrayEquals(new double[] {1, 4, 5, 0}, bench.read(out));
        assertArrayEquals(new double[] {0, 3, -300, INFINITY}, bench.read(sums));
        bench.run(
                spec.withSink(true),
                AttentionMerge.Args.of(partial, lse, out)
                        .withLogSumExp(sums)
                        .withSink(bench.floats(0, 0, 0, 0)));
        assertEquals(0, bench.read(out)[3]);
        assertEquals(0.5, bench.read(out)[0], 1e-7);
    }

    @Test
    void appliesTheSinkOnce() {
        Tensor partial = bench.normal(DType.F32, 3, 2, 4, 9);
        Tensor lse = bench.normal(DType.F32, 3, 2, 4);
        Tensor out = bench.empty(DType.F32, 2, 4, 9);
        Tensor sums = bench.empty(DType.F32, 2, 4);
        double[] sinks = {-INFINITY, INFINITY, 0.5, -2};
        bench.run(
                AttentionMerge.of(2, 4, 9, 3, DType.F32).withSink(true),
                AttentionMerge.Args.of(partial, lse, out)
                        .withLogSumExp(sums)
                        .withSink(bench.floats(sinks)));
        check(partial, lse, sinks, out, sums);
    }

    @Test
    void makesAttentionOverAllKeysOfItsParts() {
        int keys = 37;
        double[][] rows = PlainAttention.rows(bench.read(bench.normal(DType.F32, keys, 6)), 6);
        double[] query = bench.read(bench.normal(DType.F32, 6));
        double[] partial = new double[3 * 6];
        double[] lse = new double[3];
        for (int p = 0; p < 3; p++) {
            int part = p;
            PlainAttention.Result result =
                    PlainAttention.attend(
                            query,
                            rows,
                            rows,
                            6,
                            row -> row % 3 == part,
                            1,
                            Double.NEGATIVE_INFINITY);
            System.arraycopy(result.output(), 0, partial, p * 6, 6);
            lse[p] = result.logSumExp();
        }
        PlainAttention.Result whole =
                PlainAttention.attend(query, rows, rows, 6, row -> true, 1, 0.25);
        Tensor out = bench.empty(DType.F32, 1, 1, 6);
        bench.run(
                AttentionMerge.of(1, 1, 6, 3, DType.F32).withSink(true),
                AttentionMerge.Args.of(
                                bench.of(DType.F32, partial, 3, 1, 1, 6),
                                bench.of(DType.F32, lse, 3, 1, 1),
                                out)
                        .withSink(bench.floats(0.25)));
        bench.assertClose(whole.output(), out);
    }

    @Test
    void leavesDeadRowsOutAndAcceptsNone() {
        Tensor partial = bench.normal(DType.F32, 2, 3, 2, 5);
        Tensor lse = bench.normal(DType.F32, 2, 3, 2);
        Tensor out = bench.empty(DType.F32, 3, 2, 5);
        AttentionMerge spec = AttentionMerge.of(3, 2, 5, 2, DType.F32);
        bench.run(spec, AttentionMerge.Args.of(partial, lse, out));
        double[] whole = bench.read(out);
        bench.set(partial.slice(1, 1, 3), number -> Double.NaN);
        bench.run(spec, AttentionMerge.Args.of(partial, lse, out).withActiveRows(bench.ints(1)));
        assertArrayEquals(Arrays.copyOf(whole, 10), bench.read(out.get(0)));
        bench.run(
                spec,
                AttentionMerge.Args.of(
                        partial.slice(1, 0, 0), lse.slice(1, 0, 0), out.slice(0, 0, 0)));
    }

    @Test
    void givesTheSameBitsForAnyThreads() {
        RowBench.sameBitsForAnyThreads(
                own -> {
                    Tensor out = own.empty(DType.F32, 50, 16, 128);
                    own.run(
                            AttentionMerge.of(50, 16, 128, 3, DType.F32),
                            AttentionMerge.Args.of(
                                    own.normal(DType.F32, 3, 50, 16, 128),
                                    own.normal(DType.F32, 3, 50, 16),
                                    out));
                    return out;
                });
    }

    @Test
    void declinesF64() {
        assertFalse(bench.device().supports(AttentionMerge.of(1, 1, 1, 1, DType.F64)).isNative());
    }
}

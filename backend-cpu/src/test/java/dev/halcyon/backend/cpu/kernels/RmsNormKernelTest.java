package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Root-mean-square norms, plain and with the residual, against the formula in double.
class RmsNormKernelTest {
    private static final double EPSILON = 1e-6;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double[] expected(Tensor x, double[] weight) {
        double[] values = bench.read(x);
        int dim = (int) x.dim(1);
        double[] out = new double[values.length];
        for (int row = 0; row < values.length / dim; row++) {
            double squares = 0;
            for (int i = 0; i < dim; i++) {
                squares += values[row * dim + i] * values[row * dim + i];
            }
            double inverse = 1 / Math.sqrt(squares / dim + EPSILON);
            for (int i = 0; i < dim; i++) {
                out[row * dim + i] = values[row * dim + i] * inverse * weight[i];
            }
        }
        return out;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 31, 64, 1023, 1024, 1025, 7168})
    void normalisesRowsOfAnyLength(int dim) {
        Tensor x = bench.normal(DType.F32, 5, dim);
        Tensor weight = bench.normal(DType.F32, dim);
        Tensor out = bench.empty(DType.F32, 5, dim);
        bench.run(RmsNorm.of(5, dim, DType.F32, EPSILON), RmsNorm.Args.of(x, weight, out));
        bench.assertClose(expected(x, bench.read(weight)), out);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesStridesAndTypes(DType dtype) {
        Tensor x = bench.normalStrided(dtype, 6, 1100);
        Tensor weight = bench.normal(DType.BF16, 1100);
        Tensor out = bench.strided(dtype, 6, 1100);
        bench.run(
                RmsNorm.of(9, 1100, dtype, EPSILON).withTypes(dtype, DType.BF16, dtype),
                RmsNorm.Args.of(x, weight, out));
        bench.assertClose(expected(x, bench.read(weight)), out);
        bench.assertGapsAreNaN(out, 1100);
    }

    @Test
    void worksInPlaceAndReportsInverses() {
        Tensor x = bench.normal(DType.F32, 300, 5);
        double[] ones = {1, 1, 1, 1, 1};
        double[] expected = expected(x, ones);
        double[] before = bench.read(x);
        Tensor inverses = bench.empty(DType.F32, 300);
        bench.run(
                RmsNorm.unweighted(300, 5, DType.F32, EPSILON),
                RmsNorm.Args.unweighted(x, x).withInverseRms(inverses));
        bench.assertClose(expected, x);
        assertEquals(expected[1499] / before[1499], bench.read(inverses)[299], 1e-5);
    }

    @Test
    void aRowOfZerosStaysZero() {
        Tensor x = bench.of(DType.F32, new double[64], 1, 64);
        Tensor out = bench.empty(DType.F32, 1, 64);
        bench.run(RmsNorm.unweighted(1, 64, DType.F32, EPSILON), RmsNorm.Args.unweighted(x, out));
        assertArrayEquals(new double[64], bench.read(out));
    }

    @Test
    void aRowDoesNotDependOnTheOthersOrOnTheBound() {
        Tensor x = bench.normal(DType.F32, 90, 500);
        Tensor weight = bench.normal(DType.F32, 500);
        Tensor together = bench.empty(DType.F32, 90, 500);
        bench.run(RmsNorm.of(90, 500, DType.F32, EPSILON), RmsNorm.Args.of(x, weight, together));
        for (int row : new int[] {0, 31, 32, 89}) {
            Tensor alone = bench.empty(DType.F32, 1, 500);
            bench.run(
                    RmsNorm.of(1000, 500, DType.F32, EPSILON),
                    RmsNorm.Args.of(x.slice(0, row, row + 1), weight, alone));
            assertArrayEquals(bench.read(together.slice(0, row, row + 1)), bench.read(alone));
        }
    }

    @Test
    void leavesDeadRowsOut() {
        Tensor x = bench.normal(DType.F32, 4, 10);
        bench.set(x.slice(0, 3, 4), number -> Double.NaN);
        Tensor weight = bench.normal(DType.F32, 10);
        Tensor out = bench.empty(DType.F32, 4, 10);
        bench.run(
                RmsNorm.of(4, 10, DType.F32, EPSILON),
                RmsNorm.Args.of(x, weight, out).withActiveRows(bench.ints(3)));
        bench.assertClose(expected(x.slice(0, 0, 3), bench.read(weight)), out.slice(0, 0, 3));
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void addsTheResidualFirst(DType dtype) {
        Tensor x = bench.normalStrided(dtype, 3, 1300);
        Tensor residual = bench.normal(dtype, 3, 1300);
        Tensor weight = bench.normal(dtype, 1300);
        Tensor sum = bench.strided(dtype, 3, 1300);
        Tensor out = bench.strided(dtype, 3, 1300);
        double[] a = bench.read(x);
        double[] b = bench.read(residual);
        double[] added = new double[a.length];
        for (int i = 0; i < added.length; i++) {
            added[i] = a[i] + b[i];
        }
        bench.run(
                AddRmsNorm.of(3, 1300, dtype, EPSILON),
                AddRmsNorm.Args.of(x, residual, weight, sum, out));
        bench.assertClose(added, sum);
        bench.assertClose(expected(sum, bench.read(weight)), out);
        bench.assertGapsAreNaN(sum, 1300);
        bench.assertGapsAreNaN(out, 1300);
    }

    @Test
    void theFusedKernelGivesTheBitsOfTheTwo() {
        Tensor x = bench.normal(DType.BF16, 3, 1300);
        Tensor residual = bench.normal(DType.BF16, 3, 1300);
        Tensor weight = bench.normal(DType.BF16, 1300);
        Tensor sum = bench.empty(DType.BF16, 3, 1300);
        Tensor out = bench.empty(DType.BF16, 3, 1300);
        bench.run(
                AddRmsNorm.of(3, 1300, DType.BF16, EPSILON),
                AddRmsNorm.Args.of(x, residual, weight, sum, out));
        Tensor alone = bench.empty(DType.BF16, 3, 1300);
        bench.run(RmsNorm.of(3, 1300, DType.BF16, EPSILON), RmsNorm.Args.of(sum, weight, alone));
        assertArrayEquals(bench.bytes(alone), bench.bytes(out));
        // In place of the residual, as engines run it.
        bench.run(
                AddRmsNorm.of(3, 1300, DType.BF16, EPSILON),
                AddRmsNorm.Args.of(x, residual, weight, residual, out));
        assertArrayEquals(bench.bytes(sum), bench.bytes(residual));
        assertArrayEquals(bench.bytes(alone), bench.bytes(out));
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor x = some.normal(DType.F32, 33, 2000);
                    Tensor out = some.empty(DType.F32, 33, 2000);
                    some.run(
                            AddRmsNorm.of(33, 2000, DType.F32, EPSILON),
                            AddRmsNorm.Args.of(
                                    x,
                                    x,
                                    some.normal(DType.F32, 2000),
                                    some.empty(DType.F32, 33, 2000),
                                    out));
                    return out;
                });
    }
}

package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.dot;
import static dev.halcyon.tck.oracle.Numbers.gaussian;
import static dev.halcyon.tck.oracle.Numbers.matrix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;

class ProductTest {
    @Test
    void aTransposedViewIsTheSameProduct() {
        int m = 3;
        int n = 4;
        int k = 5;
        double[] a = gaussian(1, m, k);
        double[] b = gaussian(2, n, k);
        double[] c = new double[m * n];
        Gemm.run(
                1,
                m,
                n,
                k,
                1,
                Gemm.Matrix.rowMajor(a, m, k),
                Gemm.Matrix.rowMajor(b, n, k).transposed(),
                0,
                Gemm.Matrix.rowMajor(c, m, n));
        assertClose(Linear.apply(a, Rows.of(b, n, k)), c);
    }

    @Test
    void aBatchStrideOfZeroSharesOneMatrix() {
        int m = 2;
        double[] a = gaussian(3, 3, m, m);
        double[] b = gaussian(4, m, m);
        double[] c = gaussian(5, 3, m, m);
        double[] before = c.clone();
        Gemm.Matrix shared = new Gemm.Matrix(b, 0, m, 1, 0);
        Gemm.run(
                3,
                m,
                m,
                m,
                2,
                Gemm.Matrix.rowMajor(a, m, m),
                shared,
                -1,
                Gemm.Matrix.rowMajor(c, m, m));
        for (int g = 0; g < 3; g++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < m; j++) {
                    double sum = a[(g * m + i) * m] * b[j] + a[(g * m + i) * m + 1] * b[m + j];
                    assertEquals(
                            2 * sum - before[(g * m + i) * m + j], c[(g * m + i) * m + j], 1e-13);
                }
            }
        }
    }

    @Test
    void aBetaOfZeroDoesNotReadC() {
        double[] c = {Double.NaN};
        Gemm.Matrix one = Gemm.Matrix.rowMajor(new double[] {3}, 1, 1);
        Gemm.run(1, 1, 1, 1, 2, one, one, 0, Gemm.Matrix.rowMajor(c, 1, 1));
        assertEquals(18, c[0]);
    }

    @Test
    void anEmptySumLeavesBetaTimesC() {
        double[] c = {5};
        Gemm.Matrix nothing = Gemm.Matrix.rowMajor(new double[0], 1, 0);
        Gemm.run(1, 1, 1, 0, 1, nothing, nothing, 2, Gemm.Matrix.rowMajor(c, 1, 1));
        assertEquals(10, c[0]);
    }

    @Test
    void theTransposedLayerIsTheAdjoint() {
        Rows w = matrix(6, 4, 7);
        double[] x = gaussian(7, 3, 7);
        double[] y = gaussian(8, 3, 4);
        assertEquals(dot(Linear.apply(x, w), y), dot(x, Linear.applyTransposed(y, w)), 1e-12);
    }

    @Test
    void groupsMultiplyTheirOwnRowsByTheirOwnWeight() {
        List<Rows> weights = List.of(matrix(11, 3, 4), matrix(12, 3, 4), matrix(13, 3, 4));
        double[] a = gaussian(14, 8, 4);
        int[] start = {0, 4, 4};
        int[] end = {2, 4, 7};
        double[] c = GroupedGemm.contiguous(a, start, end, weights);
        assertClose(
                Linear.apply(Arrays.copyOfRange(a, 0, 8), weights.get(0)),
                Arrays.copyOfRange(c, 0, 6));
        assertClose(
                Linear.apply(Arrays.copyOfRange(a, 16, 28), weights.get(2)),
                Arrays.copyOfRange(c, 12, 21));
        assertClose(new double[6], Arrays.copyOfRange(c, 6, 12));
    }

    @Test
    void maskedGroupsAreContiguousOnesWithFixedStarts() {
        List<Rows> weights = List.of(matrix(15, 3, 4), matrix(16, 3, 4));
        double[] a = gaussian(17, 2, 5, 4);
        assertClose(
                GroupedGemm.contiguous(a, new int[] {0, 5}, new int[] {3, 5}, weights),
                GroupedGemm.masked(a, 5, new int[] {3, 0}, weights));
    }

    @Test
    void weightGradientsOfGroupsAddUpToThatOfTheWholeBatch() {
        double[] d = gaussian(18, 6, 2);
        double[] x = gaussian(19, 6, 3);
        double[] c = new double[2 * 2 * 3];
        GroupedGemm.kGrouped(d, x, 2, 3, new int[] {0, 4}, new int[] {4, 6}, false, c);
        double[] sum = Axpby.apply(1, Arrays.copyOfRange(c, 0, 6), 1, Arrays.copyOfRange(c, 6, 12));
        assertClose(Linear.weightGradient(d, x, 6, 2, 3), sum);
        double[] twice = c.clone();
        GroupedGemm.kGrouped(d, x, 2, 3, new int[] {0, 4}, new int[] {4, 6}, true, twice);
        assertClose(Axpby.apply(2, c, 0, c), twice);
    }

    @Test
    void anEmptyGroupOverwritesWithZeroAndAccumulatesNothing() {
        double[] c = {1, 2};
        GroupedGemm.kGrouped(
                new double[0], new double[0], 1, 2, new int[] {0}, new int[] {0}, true, c);
        assertClose(new double[] {1, 2}, c);
        GroupedGemm.kGrouped(
                new double[0], new double[0], 1, 2, new int[] {0}, new int[] {0}, false, c);
        assertClose(new double[2], c);
    }

    @Test
    void wrongSizesAreNamed() {
        assertThrows(IllegalArgumentException.class, () -> Rows.of(new double[5], 2, 3));
        assertThrows(
                IllegalArgumentException.class, () -> Linear.apply(new double[5], matrix(1, 2, 3)));
        assertThrows(IllegalArgumentException.class, () -> matrix(1, 2, 3).slice(1, 2));
    }
}

package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.assertGradient;
import static dev.halcyon.tck.oracle.Numbers.dot;
import static dev.halcyon.tck.oracle.Numbers.gaussian;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;

class ElementwiseTest {
    @Test
    void rmsNormGradientsMatchDifferences() {
        double[] x = gaussian(1, 3, 5);
        double[] weight = gaussian(2, 5);
        double[] dy = gaussian(3, 3, 5);
        RmsNorm.Gradient gradient = RmsNorm.backward(dy, x, 5, weight, 1e-3);
        assertGradient(v -> dot(RmsNorm.forward(v, 5, weight, 1e-3), dy), x, gradient.dx());
        assertGradient(v -> dot(RmsNorm.forward(x, 5, v, 1e-3), dy), weight, gradient.dWeight());
        RmsNorm.Gradient plain = RmsNorm.backward(dy, x, 5, null, 1e-3);
        assertGradient(v -> dot(RmsNorm.forward(v, 5, null, 1e-3), dy), x, plain.dx());
    }

    @Test
    void layerNormHasMeanZeroAndVarianceOneAndItsGradientsMatchDifferences() {
        double[] x = gaussian(4, 3, 7);
        double[] ones = new double[7];
        Arrays.fill(ones, 1);
        double[] y = LayerNorm.forward(x, ones, new double[7], 0);
        for (int row = 0; row < 3; row++) {
            assertEquals(0, Arrays.stream(y, row * 7, row * 7 + 7).sum(), 1e-13);
            assertEquals(7, Arrays.stream(y, row * 7, row * 7 + 7).map(v -> v * v).sum(), 1e-12);
        }
        double[] weight = gaussian(5, 7);
        double[] bias = gaussian(6, 7);
        double[] dy = gaussian(7, 3, 7);
        LayerNorm.Gradient gradient = LayerNorm.backward(dy, x, weight, 1e-3);
        assertGradient(v -> dot(LayerNorm.forward(v, weight, bias, 1e-3), dy), x, gradient.dx());
        assertGradient(
                v -> dot(LayerNorm.forward(x, v, bias, 1e-3), dy), weight, gradient.dWeight());
        assertGradient(v -> dot(LayerNorm.forward(x, weight, v, 1e-3), dy), bias, gradient.dBias());
    }

    @Test
    void swiGluClampsTheGateFromAboveAndTheUpPartOnBothSides() {
        assertEquals(SwiGlu.silu(1) * -1, SwiGlu.activate(5, -7, 1));
        assertEquals(SwiGlu.silu(-5) * 0.5, SwiGlu.activate(-5, 0.5, 1));
        assertEquals(SwiGlu.silu(3) * 4, SwiGlu.activate(3, 4, SwiGlu.NO_LIMIT));
        assertEquals(0, SwiGlu.silu(-1e4), 0);
        assertEquals(1e4, SwiGlu.silu(1e4));
        assertTrue(Double.isNaN(SwiGlu.activate(Double.NaN, 1, 1)));
        assertTrue(Double.isNaN(SwiGlu.activate(1, Double.NaN, 1)));
    }

    @Test
    void swiGluGradientsMatchDifferences() {
        double[] gate = {-3, -0.2, 0.4, 1.7, 2.5};
        double[] up = {0.3, -2.5, 1.1, -0.6, 2.2};
        for (double limit : new double[] {SwiGlu.NO_LIMIT, 1.5}) {
            for (int i = 0; i < gate.length; i++) {
                double g = gate[i];
                double u = up[i];
                SwiGlu.ElementGradient gradient = SwiGlu.backward(2, g, u, 0.7, limit);
                double[] actual = {gradient.dGate(), gradient.dUp(), gradient.dRowWeight()};
                assertGradient(
                        v -> 2 * v[2] * SwiGlu.activate(v[0], v[1], limit),
                        new double[] {g, u, 0.7},
                        actual);
            }
        }
    }

    @Test
    void equalityCountsAsInsideTheClamp() {
        SwiGlu.ElementGradient gradient = SwiGlu.backward(1, 1, -1, 1, 1);
        assertTrue(gradient.dGate() != 0 && gradient.dUp() != 0);
    }

    @Test
    void crossEntropyIsMinusTheLogarithmOfTheTargetsProbability() {
        double[] logits = gaussian(8, 3, 6);
        int[] targets = {2, -1, 5};
        double[] loss = CrossEntropy.forward(logits, targets, 6);
        double[] p = new double[6];
        Softmax.apply(logits, 0, 6, p);
        assertEquals(-Math.log(p[2]), loss[0], 1e-14);
        assertEquals(0, loss[1]);
        double[] weights = {0.5, 7, 2};
        assertGradient(
                v -> dot(CrossEntropy.forward(v, targets, 6), weights),
                logits,
                CrossEntropy.backward(logits, targets, weights, 6));
    }

    @Test
    void largeLogitsDoNotOverflow() {
        assertEquals(1000 + Math.log(2), Softmax.logSumExp(new double[] {1000, 1000}, 0, 2), 1e-12);
        assertEquals(Double.NEGATIVE_INFINITY, Softmax.logSumExp(new double[0], 0, 0));
        assertEquals(
                Math.log(2),
                CrossEntropy.forward(new double[] {-5000, -5000}, new int[] {1}, 2)[0],
                1e-12);
    }

    @Test
    void reductionsGoOverSeveralTensorsAndTellNan() {
        List<double[]> tensors = List.of(new double[] {3, -4}, new double[0], new double[] {12});
        assertEquals(11, Reduce.sum(tensors));
        assertEquals(12, Reduce.max(tensors));
        assertEquals(13, Reduce.norm(tensors));
        assertEquals(12, Reduce.maxMagnitude(tensors));
        assertEquals(0, Reduce.sum(List.of()));
        assertEquals(0, Reduce.norm(List.of()));
        assertEquals(Double.NEGATIVE_INFINITY, Reduce.max(List.of()));
        List<double[]> poisoned = List.of(new double[] {1}, new double[] {Double.NaN, 2});
        assertTrue(
                Double.isNaN(Reduce.sum(poisoned))
                        && Double.isNaN(Reduce.max(poisoned))
                        && Double.isNaN(Reduce.norm(poisoned)));
        assertEquals(
                Double.POSITIVE_INFINITY,
                Reduce.sum(List.of(new double[] {1, Double.POSITIVE_INFINITY, 1})));
    }

    @Test
    void longSumsAreCompensated() {
        double[] many = new double[1_000_000];
        Arrays.fill(many, 0.1);
        assertEquals(100_000, Reduce.sum(List.of(many)), 1e-10);
        assertEquals(2, Reduce.sum(List.of(new double[] {1, 1e100, 1, -1e100})));
    }

    @Test
    void embeddingAndItsGradientAreAdjoint() {
        Rows table = Rows.of(gaussian(9, 4, 3), 4, 3);
        int[] ids = {2, -1, 0, 2};
        double[] dy = gaussian(10, 4, 3);
        double[] out = Embedding.gather(ids, table);
        assertClose(new double[3], Arrays.copyOfRange(out, 3, 6));
        assertEquals(dot(out, dy), dot(table.toArray(), Embedding.scatter(ids, dy, 4, 3)), 1e-13);
        assertClose(new double[3], Embedding.gather(new int[] {4}, table));
    }

    @Test
    void aFactorOfZeroDoesNotHideNan() {
        double[] out = Axpby.apply(0, new double[] {Double.NaN, 1}, 2, new double[] {1, 3});
        assertArrayEquals(new double[] {Double.NaN, 6}, out);
    }
}

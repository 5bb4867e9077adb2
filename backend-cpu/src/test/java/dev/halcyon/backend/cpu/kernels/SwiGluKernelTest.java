package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;

/// Gated activations against the formula in double.
class SwiGluKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double[] expected(Tensor gate, Tensor up, double limit, double[] rowWeights) {
        double[] g = bench.read(gate);
        double[] u = bench.read(up);
        int dim = (int) gate.dim(1);
        double[] out = new double[g.length];
        for (int i = 0; i < out.length; i++) {
            double clampedGate = Math.min(g[i], limit);
            double clampedUp = Math.max(-limit, Math.min(u[i], limit));
            out[i] = clampedGate / (1 + Math.exp(-clampedGate)) * clampedUp * rowWeights[i / dim];
        }
        return out;
    }

    private static double[] ones(int n) {
        double[] ones = new double[n];
        Arrays.fill(ones, 1);
        return ones;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 31, 64, 1025, 16400})
    void activatesRowsOfAnyLength(int dim) {
        Tensor gate = bench.normal(DType.F32, 3, dim);
        Tensor up = bench.normal(DType.F32, 3, dim);
        bench.set(gate, number -> 12 * bench.random().nextGaussian());
        Tensor out = bench.empty(DType.F32, 3, dim);
        bench.run(SwiGlu.of(3, dim, DType.F32), SwiGlu.Args.of(gate, up, out));
        bench.assertClose(expected(gate, up, Double.POSITIVE_INFINITY, ones(3)), out);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void clampsAndWeighsRows(DType dtype) {
        Tensor both = bench.normal(dtype, 4, 2 * 37);
        Tensor gate = both.slice(1, 0, 37);
        Tensor up = both.slice(1, 37, 74);
        Tensor weights = bench.floats(0.5, -1, 0, 2);
        Tensor out = bench.strided(dtype, 4, 37);
        bench.run(
                SwiGlu.of(6, 37, dtype).withLimit(0.75).withRowWeight(true),
                SwiGlu.Args.of(gate, up, out).withRowWeight(weights));
        bench.assertClose(expected(gate, up, 0.75, bench.read(weights)), out);
        bench.assertGapsAreNaN(out, 37);
    }

    @Test
    void writesInPlaceOfEither() {
        Tensor gate = bench.normal(DType.F32, 2, 50);
        Tensor up = bench.normal(DType.F32, 2, 50);
        double[] expected = expected(gate, up, Double.POSITIVE_INFINITY, ones(2));
        Tensor gateCopy = bench.of(DType.F32, bench.read(gate), 2, 50);
        bench.run(SwiGlu.of(2, 50, DType.F32), SwiGlu.Args.of(gate, up, gate));
        bench.assertClose(expected, gate);
        bench.run(SwiGlu.of(2, 50, DType.F32), SwiGlu.Args.of(gateCopy, up, up));
        bench.assertClose(expected, up);
    }

    @Test
    void largeGatesNeitherOverflowNorBecomeNaN() {
        double[] gates = new double[40];
        double[] expected = new double[40];
        for (int i = 0; i < 40; i++) {
            gates[i] = i % 4 == 0 ? -1e30 : i % 4 == 1 ? 1e30 : i % 4 == 2 ? -100 : Double.NaN;
            expected[i] = i % 4 == 1 ? 1e30 : i % 4 == 3 ? Double.NaN : 0;
        }
        Tensor gate = bench.of(DType.F32, gates, 1, 40);
        Tensor up = bench.of(DType.F32, ones(40), 1, 40);
        Tensor out = bench.empty(DType.F32, 1, 40);
        bench.run(SwiGlu.of(1, 40, DType.F32), SwiGlu.Args.of(gate, up, out));
        bench.assertClose(expected, out);
        bench.run(SwiGlu.of(1, 40, DType.F32).withLimit(3), SwiGlu.Args.of(gate, up, out));
        for (int i = 0; i < 40; i++) {
            expected[i] = i % 4 == 1 ? 3 / (1 + Math.exp(-3)) : expected[i];
        }
        bench.assertClose(expected, out);
    }

    @Test
    void leavesDeadRowsOut() {
        Tensor x = bench.normal(DType.F32, 4, 10);
        Tensor out = bench.empty(DType.F32, 4, 10);
        bench.run(
                SwiGlu.of(4, 10, DType.F32),
                SwiGlu.Args.of(x, x, out).withActiveRows(bench.ints(3)));
        bench.assertClose(
                expected(x.slice(0, 0, 3), x.slice(0, 0, 3), Double.POSITIVE_INFINITY, ones(3)),
                out.slice(0, 0, 3));
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor x = some.normal(DType.F32, 70, 1000);
                    Tensor out = some.empty(DType.F32, 70, 1000);
                    some.run(SwiGlu.of(70, 1000, DType.F32), SwiGlu.Args.of(x, x, out));
                    return out;
                });
    }
}

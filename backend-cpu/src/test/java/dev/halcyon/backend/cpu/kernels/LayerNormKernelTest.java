package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Norms by mean and variance against the oracle.
class LayerNormKernelTest {
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

    private double[] expected(Tensor x, Tensor weight, Tensor bias) {
        return dev.halcyon.tck.oracle.LayerNorm.forward(
                bench.read(x), bench.read(weight), bench.read(bias), EPSILON);
    }

    @ParameterizedTest
    @CsvSource({"F32,1", "F32,2", "F32,37", "F32,1025", "F32,5000", "BF16,128", "F16,1100"})
    void normalisesRows(DType dtype, int dim) {
        Tensor x = bench.normalStrided(dtype, 5, dim);
        Tensor weight = bench.normal(DType.F32, dim);
        Tensor bias = bench.normal(DType.F32, dim);
        Tensor out = bench.strided(dtype, 5, dim);
        bench.run(
                LayerNorm.of(7, dim, DType.F32, EPSILON).withTypes(dtype, DType.F32, dtype),
                LayerNorm.Args.of(x, weight, bias, out));
        bench.assertClose(expected(x, weight, bias), out);
        bench.assertGapsAreNaN(out, dim);
    }

    @Test
    void aLargeMeanDoesNotDrownTheVariance() {
        Tensor x = bench.normal(DType.F32, 2, 3000);
        bench.set(x, number -> 3000 + bench.random().nextGaussian());
        Tensor weight = bench.normal(DType.F32, 3000);
        Tensor bias = bench.normal(DType.F32, 3000);
        Tensor out = bench.empty(DType.F32, 2, 3000);
        bench.run(
                LayerNorm.of(2, 3000, DType.F32, EPSILON), LayerNorm.Args.of(x, weight, bias, out));
        bench.assertClose(expected(x, weight, bias), out);
    }

    @Test
    void worksInPlaceAndLeavesDeadRowsOut() {
        Tensor x = bench.normal(DType.F32, 3, 20);
        Tensor weight = bench.normal(DType.F32, 20);
        Tensor bias = bench.normal(DType.F32, 20);
        double[] expected = expected(x.slice(0, 0, 2), weight, bias);
        bench.run(
                LayerNorm.of(3, 20, DType.F32, EPSILON),
                LayerNorm.Args.of(x, weight, bias, x).withActiveRows(bench.ints(2)));
        bench.assertClose(expected, x.slice(0, 0, 2));
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor out = some.empty(DType.F32, 40, 1500);
                    some.run(
                            LayerNorm.of(40, 1500, DType.F32, EPSILON),
                            LayerNorm.Args.of(
                                    some.normal(DType.F32, 40, 1500),
                                    some.normal(DType.F32, 1500),
                                    some.normal(DType.F32, 1500),
                                    out));
                    return out;
                });
    }
}

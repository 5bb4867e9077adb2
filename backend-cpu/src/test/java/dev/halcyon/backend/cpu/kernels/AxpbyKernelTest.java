package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Weighted sums against plain loops in double.
class AxpbyKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double[] expected(double alpha, Tensor x, double beta, Tensor y) {
        double[] a = bench.read(x);
        double[] b = bench.read(y);
        double[] sums = new double[a.length];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = alpha * a[i] + beta * b[i];
        }
        return sums;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 1023, 1024, 1025, 16384, 16385, 40001})
    void addsRowsOfAnyLength(int dim) {
        Tensor x = bench.normal(DType.F32, 3, dim);
        Tensor y = bench.normal(DType.F32, 3, dim);
        Tensor out = bench.empty(DType.F32, 3, dim);
        bench.run(Axpby.add(3, dim, DType.F32).withFactors(1.5, -0.25), Axpby.Args.of(x, y, out));
        bench.assertClose(expected(1.5, x, -0.25, y), out);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesStridesAndTypes(DType dtype) {
        Tensor x = bench.normalStrided(dtype, 5, 37);
        Tensor y = bench.normal(DType.F32, 5, 37);
        Tensor out = bench.strided(DType.BF16, 5, 37);
        bench.run(
                Axpby.add(9, 37, DType.F32)
                        .withTypes(dtype, DType.F32, DType.BF16)
                        .withFactors(2, 3),
                Axpby.Args.of(x, y, out));
        bench.assertClose(expected(2, x, 3, y), out);
        bench.assertGapsAreNaN(out, 37);
    }

    @Test
    void writesInPlaceOfEither() {
        Tensor x = bench.normal(DType.F32, 2, 50);
        Tensor y = bench.normal(DType.F32, 2, 50);
        double[] sum = expected(1, x, 1, y);
        bench.run(Axpby.add(2, 50, DType.F32), Axpby.Args.of(x, y, x));
        bench.assertClose(sum, x);
        double[] again = expected(1, x, 1, y);
        bench.run(Axpby.add(2, 50, DType.F32), Axpby.Args.of(x, y, y));
        bench.assertClose(again, y);
    }

    @Test
    void readsScalarsAtEachRun() {
        Tensor x = bench.normal(DType.F32, 2, 50);
        Tensor y = bench.normal(DType.F32, 2, 50);
        Tensor out = bench.empty(DType.F32, 2, 50);
        Tensor scalars = bench.floats(0.5, 4);
        Axpby spec = Axpby.add(2, 50, DType.F32).withDeviceScalars();
        bench.run(spec, Axpby.Args.of(x, y, out).withScalars(scalars));
        bench.assertClose(expected(0.5, x, 4, y), out);
        bench.set(scalars, number -> number == 0 ? -1 : 2);
        bench.run(spec, Axpby.Args.of(x, y, out).withScalars(scalars));
        bench.assertClose(expected(-1, x, 2, y), out);
    }

    @Test
    void leavesDeadRowsOut() {
        Tensor x = bench.normal(DType.F32, 4, 10);
        bench.set(x.slice(0, 2, 4), number -> Double.NaN);
        Tensor out = bench.empty(DType.F32, 4, 10);
        Axpby.Args args = Axpby.Args.of(x, x, out);
        bench.run(Axpby.add(4, 10, DType.F32), args.withActiveRows(bench.ints(2)));
        bench.assertClose(expected(1, x.slice(0, 0, 2), 1, x.slice(0, 0, 2)), out.slice(0, 0, 2));
        bench.run(Axpby.add(4, 10, DType.F32), args.withActiveRows(bench.ints(-5)));
        bench.run(Axpby.add(4, 10, DType.F32), args.withActiveRows(bench.ints(1000)));
    }

    @Test
    void acceptsNoRows() {
        Tensor none = bench.empty(DType.F32, 0, 10);
        bench.run(
                Axpby.add(4, 10, DType.F32),
                Axpby.Args.of(none, none, bench.empty(DType.F32, 0, 10)));
    }

    @Test
    void aZeroFactorDoesNotHideNaN() {
        Tensor x = bench.floats(Double.NaN, Double.POSITIVE_INFINITY, 1).reshape(1, 3);
        Tensor y = bench.floats(1, 1, 1).reshape(1, 3);
        Tensor out = bench.empty(DType.F32, 1, 3);
        bench.run(Axpby.add(1, 3, DType.F32).withFactors(0, 1), Axpby.Args.of(x, y, out));
        bench.assertClose(new double[] {Double.NaN, Double.NaN, 1}, out);
    }

    @Test
    void declinesF64AndNamesIt() {
        Support support = bench.device().supports(Axpby.add(1, 1, DType.F64));
        assertFalse(support.isNative());
        assertTrue(support.toString().contains("F64"), support.toString());
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor out = some.empty(DType.F32, 9, 20001);
                    Tensor x = some.normal(DType.F32, 9, 20001);
                    some.run(
                            Axpby.add(9, 20001, DType.F32).withFactors(0.1, 0.7),
                            Axpby.Args.of(x, x, out));
                    return out;
                });
    }
}

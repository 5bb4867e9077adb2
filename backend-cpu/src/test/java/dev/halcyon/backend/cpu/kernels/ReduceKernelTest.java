package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.List;

/// Sums, maxima and norms against the oracle's compensated ones.
class ReduceKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double reduce(Reduce.Operation operation, DType dtype, Operand x) {
        Tensor out = bench.empty(DType.F32, 1);
        bench.run(new Reduce(operation, 1_000_000, dtype), Reduce.Args.of(x, out));
        return bench.read(out)[0];
    }

    private void check(DType dtype, Operand x, List<double[]> values) {
        double magnitudes = values.stream().flatMapToDouble(Arrays::stream).map(Math::abs).sum();
        assertEquals(
                dev.halcyon.tck.oracle.Reduce.sum(values),
                reduce(Reduce.Operation.SUM, dtype, x),
                2e-7 * magnitudes);
        assertEquals(
                dev.halcyon.tck.oracle.Reduce.max(values), reduce(Reduce.Operation.MAX, dtype, x));
        double norm = dev.halcyon.tck.oracle.Reduce.norm(values);
        assertEquals(norm, reduce(Reduce.Operation.NORM, dtype, x), 2e-7 * norm);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 15, 1024, 1025, 16384, 16385, 300_001})
    void reducesAnyNumberOfElements(int n) {
        Tensor x = bench.normal(DType.F32, n);
        check(DType.F32, x, List.of(bench.read(x)));
        Tensor narrow = bench.normal(DType.BF16, n);
        check(DType.BF16, narrow, List.of(bench.read(narrow)));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 1500, 20000})
    void reducesLists(int n) {
        Tensor a = bench.normal(DType.F32, n);
        Tensor b = bench.normal(DType.F32, n);
        Tensor c = bench.normal(DType.F32, n);
        check(
                DType.F32,
                new TensorList(List.of(a, b, c)),
                List.of(bench.read(a), bench.read(b), bench.read(c)));
    }

    @Test
    void theOrderDependsOnTheNumberOfElementsAlone() {
        Tensor whole = bench.normal(DType.F32, 3, 7001);
        TensorList parts = new TensorList(List.of(whole.get(0), whole.get(1), whole.get(2)));
        assertEquals(
                reduce(Reduce.Operation.SUM, DType.F32, whole),
                reduce(Reduce.Operation.SUM, DType.F32, parts));
    }

    @Test
    void nothingHasAResult() {
        Tensor none = bench.empty(DType.F32, 0, 4);
        assertEquals(0, reduce(Reduce.Operation.SUM, DType.F32, none));
        assertEquals(0, reduce(Reduce.Operation.NORM, DType.F32, none));
        assertEquals(Double.NEGATIVE_INFINITY, reduce(Reduce.Operation.MAX, DType.F32, none));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 17, 1023, 1024, 29_999})
    void oneNaNIsEnough(int place) {
        Tensor x = bench.normal(DType.F32, 30_000);
        bench.set(x.slice(0, place, place + 1), number -> Double.NaN);
        for (Reduce.Operation operation : Reduce.Operation.values()) {
            assertEquals(
                    Double.NaN,
                    reduce(operation, DType.F32, x),
                    operation + " of a NaN at " + place);
        }
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor out = some.empty(DType.F32, 1);
                    some.run(
                            Reduce.sum(400_000, DType.F32),
                            Reduce.Args.of(some.normal(DType.F32, 399_999), out));
                    return out;
                });
    }
}

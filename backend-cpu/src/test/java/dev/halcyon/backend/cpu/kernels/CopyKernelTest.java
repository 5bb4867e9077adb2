package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// Copies and fills, whatever the type and the row stride.
class CopyKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @ParameterizedTest
    @EnumSource
    void copiesAnyType(DType dtype) {
        Tensor x = bench.empty(dtype, 3, 34);
        for (long i = 0; i < x.byteSize(); i++) {
            x.segment().set(ValueLayout.JAVA_BYTE, i, (byte) bench.random().nextInt());
        }
        Tensor out = bench.empty(dtype, 3, 34);
        bench.run(Copy.of(3, 34, dtype), Copy.Args.of(x, out));
        assertArrayEquals(bench.bytes(x), bench.bytes(out));
    }

    @Test
    void copiesColumnsOfPackedRows() {
        Tensor x = bench.empty(DType.F4_E2M1, 3, 20);
        bench.set(x, number -> number % 7 - 3);
        Tensor out = bench.empty(DType.F4_E2M1, 3, 6);
        bench.run(Copy.of(3, 6, DType.F4_E2M1), Copy.Args.of(x.slice(1, 4, 10), out));
        assertArrayEquals(bench.read(x.slice(1, 4, 10)), bench.read(out));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 17, 1024, 16385})
    void leavesGapsAlone(int dim) {
        Tensor x = bench.normalStrided(DType.BF16, 3, dim);
        Tensor out = bench.strided(DType.BF16, 3, dim);
        bench.run(Copy.of(4, dim, DType.BF16), Copy.Args.of(x, out));
        assertArrayEquals(bench.read(x), bench.read(out));
        bench.assertGapsAreNaN(out, dim);
    }

    @ParameterizedTest
    @EnumSource
    void fillsAnyType(DType dtype) {
        Tensor out = bench.empty(dtype, 3, 5000);
        bench.run(Fill.of(3, 5000, dtype, 4), Fill.Args.of(out));
        double[] values = bench.read(out);
        double[] fours = new double[values.length];
        Arrays.fill(fours, 4);
        assertArrayEquals(fours, values);
    }

    @Test
    void fillLeavesGapsAloneAndRoundsOnce() {
        Tensor out = bench.strided(DType.BF16, 3, 41);
        bench.run(Fill.of(3, 41, DType.BF16, 1 + 0x1p-8 + 0x1p-40), Fill.Args.of(out));
        double[] expected = new double[3 * 41];
        Arrays.fill(expected, 1 + 0x1p-7);
        assertArrayEquals(expected, bench.read(out));
        bench.assertGapsAreNaN(out, 41);
    }

    @Test
    void fillsWithNaN() {
        Tensor out = bench.floats(1, 2, 3).reshape(1, 3);
        bench.run(Fill.of(1, 3, DType.F32, Double.NaN), Fill.Args.of(out));
        assertArrayEquals(new double[] {Double.NaN, Double.NaN, Double.NaN}, bench.read(out));
    }
}

package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;

/// Row lookups: the very bytes, zeros for no row, a fault for a wrong one.
class EmbeddingKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private double[] expected(Tensor table, int... ids) {
        int dim = (int) table.dim(1);
        double[] all = bench.read(table);
        double[] out = new double[ids.length * dim];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] >= 0 && ids[i] < table.dim(0)) {
                System.arraycopy(all, ids[i] * dim, out, i * dim, dim);
            }
        }
        return out;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 19, 1024, 20000})
    void picksRows(int dim) {
        Tensor table = bench.normalStrided(DType.F32, 6, dim);
        Tensor out = bench.strided(DType.F32, 5, dim);
        bench.run(
                Embedding.of(5, 9, dim, DType.F32),
                Embedding.Args.of(bench.ints(5, 0, -1, 3, 5), table, out));
        assertArrayEquals(expected(table, 5, 0, -1, 3, 5), bench.read(out));
        bench.assertGapsAreNaN(out, dim);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F8_E4M3", "I64", "I32", "U8"})
    void picksRowsOfAnyType(DType dtype) {
        Tensor table = bench.empty(dtype, 3, 5);
        bench.set(table, number -> number);
        Tensor out = bench.empty(dtype, 2, 5);
        bench.run(Embedding.of(2, 3, 5, dtype), Embedding.Args.of(bench.ints(2, -1), table, out));
        assertArrayEquals(expected(table, 2, -1), bench.read(out));
    }

    @Test
    void convertsRows() {
        Tensor table = bench.normal(DType.BF16, 3, 37);
        Tensor out = bench.empty(DType.F32, 2, 37);
        bench.run(
                Embedding.of(2, 3, 37, DType.BF16).withOut(DType.F32),
                Embedding.Args.of(bench.ints(1, 2), table, out));
        assertArrayEquals(expected(table, 1, 2), bench.read(out));
    }

    @Test
    void aWrongIdGivesZerosAndAFault() {
        Tensor table = bench.normal(DType.F32, 3, 5000);
        for (int wrong : new int[] {3, -2, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            Tensor out = bench.empty(DType.F32, 3, 5000);
            bench.runFaulty(
                    Embedding.of(3, 3, 5000, DType.F32),
                    Embedding.Args.of(bench.ints(0, wrong, 2), table, out),
                    "ids[1] is " + wrong);
            assertArrayEquals(expected(table, 0, wrong, 2), bench.read(out));
        }
    }

    @Test
    void idsOfDeadRowsAreNotLookedAt() {
        Tensor table = bench.normal(DType.F32, 3, 4);
        Tensor out = bench.empty(DType.F32, 3, 4);
        bench.run(
                Embedding.of(3, 3, 4, DType.F32),
                Embedding.Args.of(bench.ints(2, 99, 99), table, out).withActiveRows(bench.ints(1)));
        assertArrayEquals(expected(table, 2), Arrays.copyOf(bench.read(out), 4));
    }
}

package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;

/// Products against plain loops in double.
class GemmKernelTest {
    private MatrixBench bench;

    @BeforeEach
    void open() {
        bench = MatrixBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static String implementation(Support support) {
        return assertInstanceOf(Support.Native.class, support).implementation().name();
    }

    @Test
    void multipliesByRowsOfEverySize() {
        int[][] sizes = {
            {1, 1, 1},
            {1, 3, 2},
            {2, 5, 7},
            {3, 4, 16},
            {4, 33, 31},
            {5, 64, 64},
            {7, 31, 130},
            {8, 67, 257},
            {33, 9, 40},
            {12, 130, 1100},
            {1, 70, 2080}
        };
        for (int[] size : sizes) {
            for (DType type : List.of(DType.F32, DType.BF16)) {
                Tensor a = bench.random(type, size[0], size[2]);
                Tensor b = bench.random(type, size[1], size[2]);
                Tensor out = bench.random(DType.F32, size[0], size[1]);
                PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, true), a, b, b, out);
            }
        }
    }

    @Test
    void packsPanelsWhereThereAreManyRows() {
        for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
            Tensor a = bench.random(type, 197, 83);
            Tensor b = bench.random(type, 70, 83);
            Tensor out = bench.random(type, 197, 70);
            Gemm spec = PlainGemm.spec(a, b, out, false, true);
            assertEquals(
                    bench.implementation("gemm.packing", type),
                    implementation(bench.device().supports(spec)));
            PlainGemm.check(bench, spec, a, b, b, out);
        }
    }

    @Test
    void takesEveryTypeOnEverySide() {
        List<DType> wide = List.of(DType.F32, DType.BF16, DType.F16);
        for (DType left : List.of(DType.F32, DType.BF16, DType.F16, DType.F8_E4M3, DType.F8_E5M2)) {
            for (DType right :
                    List.of(DType.F32, DType.BF16, DType.F16, DType.F8_E4M3, DType.F8_E5M2)) {
                for (DType result : wide) {
                    Tensor a = bench.random(left, 3, 75);
                    Tensor b = bench.random(right, 10, 75);
                    Tensor out = bench.random(result, 3, 10);
                    PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, true), a, b, b, out);
                }
            }
        }
    }

    @Test
    void transposesEitherSide() {
        for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
            for (int m : new int[] {1, 6, 51}) {
                for (int mask = 0; mask < 4; mask++) {
                    boolean transposeA = (mask & 1) != 0;
                    boolean transposeB = (mask & 2) != 0;
                    Tensor a =
                            transposeA
                                    ? bench.randomStrided(type, 37, m)
                                    : bench.randomStrided(type, m, 37);
                    Tensor b =
                            transposeB
                                    ? bench.randomStrided(type, 41, 37)
                                    : bench.randomStrided(type, 37, 41);
                    Tensor out = bench.randomStrided(type, m, 41);
                    PlainGemm.check(
                            bench, PlainGemm.spec(a, b, out, transposeA, transposeB), a, b, b, out);
                }
            }
        }
    }

    @Test
    void scalesAndAdds() {
        for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
            Tensor a = bench.random(type, 9, 40);
            Tensor b = bench.random(type, 35, 40);
            Tensor out = bench.random(type, 9, 35);
            PlainGemm.check(
                    bench,
                    PlainGemm.spec(a, b, out, false, true).withFactors(-0.5, 0.25),
                    a,
                    b,
                    b,
                    out);
            PlainGemm.check(
                    bench, PlainGemm.spec(a, b, out, false, true).withFactors(0, 2), a, b, b, out);
        }
    }

    @Test
    void neverReadsOutIfBetaIsZero() {
        Tensor a = bench.random(DType.F32, 5, 20);
        Tensor b = bench.random(DType.F32, 37, 20);
        Tensor out = bench.random(DType.F32, 5, 37);
        bench.fill(out, Double.NaN);
        PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, true), a, b, b, out);
    }

    @Test
    void givesBetaTimesOutIfThereIsNothingToSum() {
        for (boolean transposed : new boolean[] {true, false}) {
            Tensor a = bench.random(DType.F32, 4, 0);
            Tensor b = transposed ? bench.random(DType.F32, 6, 0) : bench.random(DType.F32, 0, 6);
            Tensor out = bench.random(DType.F32, 4, 6);
            PlainGemm.check(
                    bench,
                    PlainGemm.spec(a, b, out, false, transposed).withFactors(1, 0.5),
                    a,
                    b,
                    b,
                    out);
            PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, transposed), a, b, b, out);
        }
    }

    @Test
    void acceptsNoRowsAndNoBatch() {
        Tensor b = bench.random(DType.F32, 6, 8);
        Tensor none = bench.random(DType.F32, 0, 8);
        bench.run(
                Gemm.linear(4, 8, 6, DType.F32, b.format(), DType.F32),
                Gemm.Args.of(none, b, bench.random(DType.F32, 0, 6)));
        Tensor batch = bench.random(DType.F32, 0, 3, 8);
        Tensor out = bench.random(DType.F32, 0, 3, 6);
        bench.run(
                Gemm.batched(2, 3, 6, 8, DType.F32, b.format(), DType.F32)
                        .withTransposed(false, true),
                Gemm.Args.of(batch, b, out));
    }

    @Test
    void walksHeadsInsideTokens() {
        Tensor tokens = bench.random(DType.BF16, 7, 3, 24);
        Tensor results = bench.random(DType.BF16, 7, 3, 40);
        Tensor weight = bench.random(DType.BF16, 3, 24, 40);
        Tensor a = tokens.transpose(0, 1);
        Tensor out = results.transpose(0, 1);
        PlainGemm.check(
                bench, PlainGemm.spec(a, weight, out, false, false), a, weight, weight, out);
        Tensor rows = bench.random(DType.BF16, 3, 40, 24);
        PlainGemm.check(bench, PlainGemm.spec(a, rows, out, false, true), a, rows, rows, out);
    }

    @Test
    void sharesAMatrixAmongTheBatchOrListsThem() {
        Tensor a = bench.random(DType.F32, 4, 5, 33);
        Tensor out = bench.random(DType.F32, 4, 5, 18);
        Tensor shared = bench.random(DType.F32, 18, 33);
        PlainGemm.check(bench, PlainGemm.spec(a, shared, out, false, true), a, shared, shared, out);
        TensorList list =
                new TensorList(
                        List.of(
                                bench.random(DType.BF16, 18, 33),
                                bench.random(DType.BF16, 18, 33),
                                bench.random(DType.BF16, 18, 33),
                                bench.random(DType.BF16, 18, 33)));
        PlainGemm.check(bench, PlainGemm.spec(a, list, out, false, true), a, list, list, out);
    }

    @Test
    void leavesRowsBeyondTheActiveOnesAlone() {
        Tensor a = bench.random(DType.F32, 2, 60, 20);
        Tensor b = bench.random(DType.F32, 10, 20);
        Tensor out = bench.random(DType.F32, 2, 60, 10);
        Gemm spec = PlainGemm.spec(a, b, out, false, true);
        for (int active : new int[] {-3, 0, 1, 7, 60, 1000}) {
            bench.fill(out, 77);
            bench.run(spec, Gemm.Args.of(a, b, out).withActiveRows(bench.ints(active)));
            int rows = Math.clamp(active, 0, 60);
            PlainGemm.compare(spec, a, b, out, new double[0], rows);
            PlainGemm.forEach(
                    out,
                    (g, i, j, _) -> assertTrue(i < rows || MatrixBench.at(out, g, i, j) == 77));
        }
    }

    @Test
    void givesARowTheSameBitsInEveryCompany() {
        int k = 1190;
        Tensor a = bench.random(DType.BF16, 50, k);
        List<Operand> weights =
                List.of(
                        bench.random(DType.F32, 45, k),
                        bench.random(DType.BF16, 45, k),
                        bench.randomCodes(QuantizationScheme.FP8_BLOCK_128, 45, k),
                        bench.randomCodes(QuantizationScheme.INT4_GROUP_32, 45, k));
        for (Operand b : weights) {
            assertSameRows(a, b);
        }
    }

    private void assertSameRows(Tensor a, Operand b) {
        int rows = (int) a.dim(0);
        Tensor all = bench.arena().tensor(DType.F32, rows, 45);
        Gemm spec = PlainGemm.spec(a, b, all, false, true).withBatchInvariant(true);
        assertTrue(
                assertInstanceOf(Support.Native.class, bench.device().supports(spec))
                        .numerics()
                        .batchInvariant());
        bench.run(spec, Gemm.Args.of(a, b, all));
        for (int count : new int[] {1, 2, 3, 7}) {
            Tensor some = bench.arena().tensor(DType.F32, count, 45);
            Tensor part = a.slice(0, rows - count, rows);
            bench.run(
                    PlainGemm.spec(part, b, some, false, true).withBatchInvariant(true),
                    Gemm.Args.of(part, b, some));
            assertArrayEquals(
                    MatrixBench.bits(all.slice(0, rows - count, rows)), MatrixBench.bits(some));
        }
    }

    @Test
    void givesTheSameBitsForAnyNumberOfThreads() {
        assertArrayEquals(resultsWith(1), resultsWith(3));
    }

    /// {@return the results of a product in each of the three forms, on a device of its own}
    private static byte[] resultsWith(int threads) {
        try (MatrixBench own = MatrixBench.open(threads)) {
            Tensor a = own.random(DType.BF16, 61, 500);
            Tensor b = own.random(DType.BF16, 300, 500);
            Tensor out = own.arena().tensor(DType.BF16, 3, 61, 300);
            Operand packed = own.packed(b);
            Gemm spec = PlainGemm.spec(a, b, out.get(0), false, true);
            own.run(spec, Gemm.Args.of(a, b, out.get(0)));
            own.run(spec.withBatchInvariant(true), Gemm.Args.of(a, b, out.get(1)));
            own.run(
                    PlainGemm.spec(a, packed, out.get(2), false, true),
                    Gemm.Args.of(a, packed, out.get(2)));
            return MatrixBench.bits(out);
        }
    }

    @Test
    void slicesItsWorkToFitTheWorkspace() {
        Tensor a = bench.random(DType.F32, 300, 200);
        Tensor b = bench.random(DType.F32, 64, 200);
        Gemm spec = Gemm.linear(300, 200, 64, DType.F32, b.format(), DType.F32);
        long wanted = bench.device().plan(spec).workspaceBytes();
        Limits limits = Limits.workspace(wanted / 2);
        var plan = bench.device().plan(spec, limits);
        assertTrue(plan.workspaceBytes() <= wanted / 2);
        Tensor out = bench.arena().tensor(DType.F32, 300, 64);
        bench.run(plan, Gemm.Args.of(a, b, out));
        PlainGemm.compare(spec, a, b, out, new double[0], 300);
        assertFalse(bench.device().supports(spec, Limits.workspace(100)).isNative());
    }

    @Test
    void declinesWhatItCannotKeep() {
        WeightFormat plain = WeightFormat.rowMajor(DType.F32);
        Gemm spec = Gemm.linear(4, 8, 6, DType.F32, plain, DType.F32);
        assertEquals(Support.Reason.NUMERICS, declined(spec.withAccumulate(DType.F64)).reason());
        assertEquals(
                Support.Reason.FORMAT,
                declined(Gemm.linear(4, 8, 6, DType.F64, plain, DType.F32)).reason());
        assertEquals(
                Support.Reason.FORMAT,
                declined(Gemm.linear(4, 8, 6, DType.F32, plain.withLayout("elsewhere"), DType.F32))
                        .reason());
    }

    private Support.Declined declined(Gemm spec) {
        return assertInstanceOf(Support.Declined.class, bench.device().supports(spec));
    }
}

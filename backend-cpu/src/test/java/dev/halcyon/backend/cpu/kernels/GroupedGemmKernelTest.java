package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;

/// Grouped products against plain loops in double.
class GroupedGemmKernelTest {
    private static final int[] STARTS = {0, 3, 3, 60, 58};
    private static final int[] COUNTS = {3, 0, 55, 1, 2};

    private MatrixBench bench;

    @BeforeEach
    void open() {
        bench = MatrixBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static void compareRow(
            Tensor a,
            int group,
            int row,
            Operand plain,
            int weight,
            Tensor out,
            double before,
            int column) {
        int k = (int) a.dim(-1);
        double sum = 0;
        double magnitude = 0;
        for (int i = 0; i < k; i++) {
            double term =
                    MatrixBench.at(a, group, row, i) * MatrixBench.at(plain, weight, column, i);
            sum += term;
            magnitude += Math.abs(term);
        }
        double expected = sum + before;
        MatrixBench.close(
                expected,
                MatrixBench.at(out, group, row, column),
                MatrixBench.tolerance(k, magnitude + Math.abs(before), expected, out.dtype()),
                plain.format() + " group " + weight + " row " + row + " column " + column);
    }

    private void checkContiguous(GroupedGemm spec, Tensor a, Operand b, Operand plain) {
        Tensor out = bench.randomStrided(spec.out(), a.dim(0), spec.n());
        double[][] before = new double[(int) a.dim(0)][spec.n()];
        for (int r = 0; r < before.length; r++) {
            for (int j = 0; j < spec.n(); j++) {
                before[r][j] = spec.add() ? MatrixBench.at(out, 0, r, j) : 0;
            }
        }
        bench.run(spec, GroupedGemm.Args.of(a, b, bench.ints(STARTS), bench.ints(COUNTS), out));
        for (int g = 0; g < STARTS.length; g++) {
            for (int r = STARTS[g]; r < STARTS[g] + COUNTS[g]; r++) {
                for (int j = 0; j < spec.n(); j++) {
                    compareRow(a, 0, r, plain, g, out, before[r][j], j);
                }
            }
        }
    }

    @Test
    void multipliesSegmentsOfOneMatrix() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            Tensor a = bench.randomStrided(type, 61, 70);
            Tensor b = bench.random(type, 5, 37, 70);
            GroupedGemm spec = GroupedGemm.contiguous(5, 61, 37, 70, type, b.format(), type);
            checkContiguous(spec, a, b, b);
            checkContiguous(spec.withAdd(true), a, b, b);
            checkContiguous(spec.withBatchInvariant(true), a, b, b);
            Operand packed = bench.packed(b);
            GroupedGemm panel = GroupedGemm.contiguous(5, 61, 37, 70, type, packed.format(), type);
            checkContiguous(panel, a, packed, b);
            assertEquals(bench.implementation("groupedgemm.panel", type), implementation(panel));
        }
    }

    private String implementation(GroupedGemm spec) {
        return assertInstanceOf(Support.Native.class, bench.device().supports(spec))
                .implementation()
                .name();
    }

    @Test
    void takesExpertsInAnyStorage() {
        Tensor a = bench.random(DType.BF16, 61, 96);
        List<Tensor> plain =
                List.of(
                        bench.random(DType.BF16, 9, 96),
                        bench.random(DType.BF16, 9, 96),
                        bench.random(DType.BF16, 9, 96),
                        bench.random(DType.BF16, 9, 96),
                        bench.random(DType.BF16, 9, 96));
        TensorList listed = new TensorList(plain);
        checkContiguous(
                GroupedGemm.contiguous(5, 61, 9, 96, DType.BF16, listed.format(), DType.F32),
                a,
                listed,
                listed);
        TensorList packed = new TensorList(plain.stream().map(bench::packed).toList());
        checkContiguous(
                GroupedGemm.contiguous(5, 61, 9, 96, DType.BF16, packed.format(), DType.F32),
                a,
                packed,
                listed);
        for (QuantizationScheme scheme :
                List.of(
                        QuantizationScheme.FP8_BLOCK_128,
                        QuantizationScheme.FP4_GROUP_32,
                        QuantizationScheme.INT4_GROUP_32)) {
            Operand stack = bench.randomCodes(scheme, 5, 9, 96);
            checkContiguous(
                    GroupedGemm.contiguous(5, 61, 9, 96, DType.BF16, stack.format(), DType.F32),
                    a,
                    stack,
                    stack);
            TensorList list =
                    new TensorList(
                            List.of(
                                    bench.randomCodes(scheme, 9, 96),
                                    bench.randomCodes(scheme, 9, 96),
                                    bench.randomCodes(scheme, 9, 96),
                                    bench.randomCodes(scheme, 9, 96),
                                    bench.randomCodes(scheme, 9, 96)));
            checkContiguous(
                    GroupedGemm.contiguous(5, 61, 9, 96, DType.BF16, list.format(), DType.F32),
                    a,
                    list,
                    list);
        }
    }

    @Test
    void multipliesTheTopRowsOfEveryGroup() {
        Tensor a = bench.random(DType.F32, 4, 50, 33);
        Tensor b = bench.random(DType.F32, 4, 40, 33);
        Tensor out = bench.random(DType.BF16, 4, 50, 40);
        GroupedGemm spec = GroupedGemm.masked(4, 64, 40, 33, DType.F32, b.format(), DType.BF16);
        int[] counts = {0, 50, 1, 7};
        bench.run(spec, GroupedGemm.Args.masked(a, b, bench.ints(counts), out));
        for (int g = 0; g < 4; g++) {
            for (int r = 0; r < counts[g]; r++) {
                for (int j = 0; j < 40; j++) {
                    compareRow(a, g, r, b, g, out, 0, j);
                }
            }
        }
    }

    @Test
    void sumsOverTheRowsOfASegment() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            for (boolean add : new boolean[] {false, true}) {
                Tensor a = bench.randomStrided(type, 61, 13);
                Tensor b = bench.randomStrided(type, 61, 45);
                Tensor out = bench.random(DType.F32, 5, 13, 45);
                Tensor before = bench.arena().tensor(DType.F32, 5, 13, 45);
                before.segment().copyFrom(out.segment());
                GroupedGemm spec =
                        GroupedGemm.kGrouped(5, 61, 13, 45, type, type, DType.F32)
                                .withAdd(add)
                                .withBatchInvariant(true);
                assertEquals(
                        bench.implementation("groupedgemm.packing", type), implementation(spec));
                bench.run(
                        spec,
                        GroupedGemm.Args.of(a, b, bench.ints(STARTS), bench.ints(COUNTS), out));
                for (int g = 0; g < 5; g++) {
                    compareSums(a, b, STARTS[g], COUNTS[g], out, add ? before : null, g);
                }
            }
        }
    }

    private static void compareSums(
            Tensor a, Tensor b, int start, int count, Tensor out, Tensor before, int group) {
        for (int i = 0; i < out.dim(1); i++) {
            for (int j = 0; j < out.dim(2); j++) {
                double sum = before == null ? 0 : MatrixBench.at(before, group, i, j);
                double magnitude = Math.abs(sum);
                for (int r = start; r < start + count; r++) {
                    double term = MatrixBench.at(a, 0, r, i) * MatrixBench.at(b, 0, r, j);
                    sum += term;
                    magnitude += Math.abs(term);
                }
                MatrixBench.close(
                        sum,
                        MatrixBench.at(out, group, i, j),
                        MatrixBench.tolerance(count, magnitude, sum, DType.F32),
                        "group " + group + " element " + i + ", " + j);
            }
        }
    }

    @Test
    void skipsAndReportsSegmentsThatLeaveTheirRows() {
        Tensor a = bench.random(DType.F32, 10, 8);
        Tensor b = bench.random(DType.F32, 2, 6, 8);
        Tensor out = bench.arena().tensor(DType.F32, 10, 6);
        GroupedGemm spec = GroupedGemm.contiguous(2, 10, 6, 8, DType.F32, b.format(), DType.F32);
        int[][] bad = {
            {-1, 2},
            {11, 0},
            {5, 6},
            {0, -1},
            {2, Integer.MAX_VALUE},
            {Integer.MIN_VALUE, 3},
            {2, 9}
        };
        for (int[] segment : bad) {
            bench.fill(out, 5);
            Tensor starts = bench.ints(segment[0], 0);
            Tensor counts = bench.ints(segment[1], 2);
            RuntimeException fault =
                    bench.runFaulty(spec, GroupedGemm.Args.of(a, b, starts, counts, out));
            assertTrue(fault.getMessage().contains("segment"), fault::getMessage);
            for (int j = 0; j < 6; j++) {
                compareRow(a, 0, 0, b, 1, out, 0, j);
                assertEquals(5, MatrixBench.at(out, 0, 9, j));
            }
        }
    }

    @Test
    void boundsTheRowsOfAllSegmentsTogether() {
        Tensor a = bench.random(DType.F32, 10, 8);
        Tensor b = bench.random(DType.F32, 3, 6, 8);
        Tensor out = bench.arena().tensor(DType.F32, 10, 6);
        GroupedGemm spec = GroupedGemm.contiguous(3, 10, 6, 8, DType.F32, b.format(), DType.F32);
        Tensor starts = bench.ints(0, 0, 0);
        Tensor counts = bench.ints(10, 10, 10);
        bench.runFaulty(spec, GroupedGemm.Args.of(a, b, starts, counts, out));
        compareRow(a, 0, 9, b, 0, out, 0, 5);
    }

    @Test
    void zeroesTheSumOfABadSegment() {
        Tensor a = bench.random(DType.F32, 10, 8);
        Tensor b = bench.random(DType.F32, 10, 6);
        Tensor out = bench.random(DType.F32, 2, 8, 6);
        GroupedGemm spec = GroupedGemm.kGrouped(2, 10, 8, 6, DType.F32, DType.F32, DType.F32);
        bench.runFaulty(spec, GroupedGemm.Args.of(a, b, bench.ints(0, 4), bench.ints(99, 3), out));
        compareSums(a, b, 0, 0, out, null, 0);
        compareSums(a, b, 4, 3, out, null, 1);
    }

    @Test
    void givesARowTheSameBitsInEverySegment() {
        Tensor a = bench.random(DType.BF16, 60, 300);
        Tensor b = bench.random(DType.BF16, 1, 50, 300);
        for (Operand weight : List.of(b, bench.packed(b))) {
            GroupedGemm spec =
                    GroupedGemm.contiguous(1, 60, 50, 300, DType.BF16, weight.format(), DType.F32)
                            .withBatchInvariant(true);
            Tensor all = bench.arena().tensor(DType.F32, 60, 50);
            Tensor some = bench.arena().tensor(DType.F32, 60, 50);
            bench.run(spec, GroupedGemm.Args.of(a, weight, bench.ints(0), bench.ints(60), all));
            bench.run(spec, GroupedGemm.Args.of(a, weight, bench.ints(41), bench.ints(3), some));
            assertArrayEquals(
                    MatrixBench.bits(all.slice(0, 41, 44)),
                    MatrixBench.bits(some.slice(0, 41, 44)));
        }
    }
}

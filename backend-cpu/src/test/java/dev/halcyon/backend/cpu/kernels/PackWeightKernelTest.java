package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Random;

/// Packing there and back gives the same bytes, and products do not notice it.
class PackWeightKernelTest {
    private MatrixBench bench;

    @BeforeEach
    void open() {
        bench = MatrixBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    /// {@return a tensor of any bits, NaN with payloads among them}
    private Tensor anyBits(DType dtype, long... dims) {
        Tensor tensor = bench.arena().tensor(dtype, dims);
        byte[] bytes = new byte[(int) tensor.byteSize()];
        new Random(3).nextBytes(bytes);
        tensor.segment().copyFrom(java.lang.foreign.MemorySegment.ofArray(bytes));
        return tensor;
    }

    @Test
    void bringsEveryBitBack() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            for (int[] size :
                    new int[][] {{1, 1}, {3, 5}, {31, 7}, {32, 64}, {65, 129}, {100, 300}}) {
                for (int matrices : new int[] {0, 1, 3}) {
                    Tensor plain =
                            matrices == 0
                                    ? anyBits(type, size[0], size[1])
                                    : anyBits(type, matrices, size[0], size[1]);
                    PackedTensor packed = bench.packed(plain);
                    Tensor back = bench.arena().tensor(type, plain.shape());
                    PackWeight way =
                            new PackWeight(
                                    matrices, size[0], size[1], plain.format(), packed.format());
                    assertEquals("pack.panel", implementation(way));
                    assertEquals("pack.rows", implementation(way.inverse()));
                    bench.run(way.inverse(), PackWeight.Args.of(packed, back));
                    assertArrayEquals(MatrixBench.bits(plain), MatrixBench.bits(back));
                }
            }
        }
    }

    private String implementation(PackWeight spec) {
        return assertInstanceOf(Support.Native.class, bench.device().supports(spec))
                .implementation()
                .name();
    }

    @Test
    void packsAListIntoOneStack() {
        Tensor first = anyBits(DType.BF16, 37, 11);
        Tensor second = bench.random(DType.BF16, 37, 11);
        TensorList list = new TensorList(List.of(first, second));
        WeightFormat to = bench.device().preferred(list.shape(), list.format());
        PackedTensor packed = bench.device().allocatePacked(bench.arena(), list.shape(), to);
        bench.run(
                PackWeight.matrices(2, 37, 11, list.format(), to),
                PackWeight.Args.of(list, packed));
        Tensor back = bench.arena().tensor(DType.BF16, 2, 37, 11);
        bench.run(
                PackWeight.matrices(2, 37, 11, to, back.format()),
                PackWeight.Args.of(packed, back));
        assertArrayEquals(MatrixBench.bits(first), MatrixBench.bits(back.get(0)));
        assertArrayEquals(MatrixBench.bits(second), MatrixBench.bits(back.get(1)));
    }

    @Test
    void gathersScaledMatricesWithTheirScales() {
        QuantizationScheme scheme = QuantizationScheme.INT4_GROUP_32;
        QuantizedTensor first = bench.randomCodes(scheme, 5, 70);
        QuantizedTensor second = bench.randomCodes(scheme, 5, 70);
        QuantizedTensor stack = bench.randomCodes(scheme, 2, 5, 70);
        TensorList list = new TensorList(List.of(first, second));
        PackWeight spec = PackWeight.matrices(2, 5, 70, list.format(), stack.format());
        assertEquals("pack.copy", implementation(spec));
        bench.run(spec, PackWeight.Args.of(list, stack));
        for (int i = 0; i < 2; i++) {
            QuantizedTensor wanted = i == 0 ? first : second;
            assertArrayEquals(
                    MatrixBench.bits(wanted.values()), MatrixBench.bits(stack.values().get(i)));
            assertArrayEquals(
                    MatrixBench.bits(wanted.scales()), MatrixBench.bits(stack.scales().get(i)));
        }
    }

    @Test
    void productsOfPanelsAreProductsOfRows() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            for (int m : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 25, 200}) {
                for (int[] size : new int[][] {{1, 1}, {33, 7}, {64, 400}, {70, 785}}) {
                    Tensor a = bench.random(type, m, size[1]);
                    Tensor b = bench.random(type, size[0], size[1]);
                    Tensor out = bench.random(DType.F32, m, size[0]);
                    PackedTensor packed = bench.packed(b);
                    Gemm spec = Gemm.linear(m, size[1], size[0], type, packed.format(), DType.F32);
                    bench.run(spec, Gemm.Args.of(a, packed, out));
                    compare(a, b, out);
                }
            }
        }
    }

    private static void compare(Tensor a, Tensor b, Tensor out) {
        int k = (int) a.dim(1);
        for (int i = 0; i < a.dim(0); i++) {
            for (int j = 0; j < b.dim(0); j++) {
                double sum = 0;
                double magnitude = 0;
                for (int s = 0; s < k; s++) {
                    double term = MatrixBench.at(a, 0, i, s) * MatrixBench.at(b, 0, j, s);
                    sum += term;
                    magnitude += Math.abs(term);
                }
                MatrixBench.close(
                        sum,
                        MatrixBench.at(out, 0, i, j),
                        MatrixBench.tolerance(k, magnitude, sum, DType.F32),
                        a + " by " + b + " at " + i + ", " + j);
            }
        }
    }

    @Test
    void givesARowTheSameBitsInEveryCompany() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            Tensor a = bench.random(type, 41, 1001);
            PackedTensor b = bench.packed(bench.random(type, 70, 1001));
            Tensor all = bench.arena().tensor(DType.F32, 41, 70);
            Gemm spec =
                    Gemm.linear(41, 1001, 70, type, b.format(), DType.F32).withBatchInvariant(true);
            bench.run(spec, Gemm.Args.of(a, b, all));
            for (int row = 0; row < 41; row += 5) {
                Tensor one = bench.arena().tensor(DType.F32, 1, 70);
                Gemm single =
                        Gemm.linear(1, 1001, 70, type, b.format(), DType.F32)
                                .withBatchInvariant(true);
                bench.run(single, Gemm.Args.of(a.slice(0, row, row + 1), b, one));
                assertArrayEquals(
                        MatrixBench.bits(all.slice(0, row, row + 1)), MatrixBench.bits(one));
            }
        }
    }

    @Test
    void prefersPanelsForPlainWeightsOnly() {
        WeightFormat bf16 = WeightFormat.rowMajor(DType.BF16);
        WeightFormat packed = bench.device().preferred(Shape.of(8, 8), bf16);
        assertTrue(packed.layout().startsWith("panel"), packed.layout());
        assertEquals(packed, bench.device().preferred(Shape.of(4, 8, 8), bf16.listed()));
        WeightFormat fp8 = WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
        assertEquals(fp8, bench.device().preferred(Shape.of(8, 8), fp8));
        assertEquals(bf16, bench.device().preferred(Shape.of(8), bf16));
    }

    @Test
    void refusesLayoutsItDoesNotKnow() {
        WeightFormat strange = WeightFormat.rowMajor(DType.F32).withLayout("panel3");
        assertThrows(
                IllegalArgumentException.class,
                () -> bench.device().allocatePacked(bench.arena(), Shape.of(8, 8), strange));
        Support support =
                bench.device()
                        .supports(
                                PackWeight.matrix(8, 8, WeightFormat.rowMajor(DType.F32), strange));
        assertEquals(
                Support.Reason.FORMAT, assertInstanceOf(Support.Declined.class, support).reason());
    }
}

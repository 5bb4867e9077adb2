package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.util.List;

/// Products of narrow and block-scaled operands, and the rounding of narrow results.
class GemmFormatsTest {
    private MatrixBench bench;

    @BeforeEach
    void open() {
        bench = MatrixBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void decodesEveryScheme() {
        List<QuantizationScheme> schemes =
                List.of(
                        QuantizationScheme.FP8_BLOCK_128,
                        QuantizationScheme.FP8_BLOCK_128_UE8M0,
                        QuantizationScheme.FP8_TOKEN_128,
                        QuantizationScheme.FP4_GROUP_32,
                        QuantizationScheme.INT4_GROUP_32,
                        QuantizationScheme.FP8_BLOCK_128.withTypes(DType.F8_E5M2, DType.F16),
                        QuantizationScheme.FP8_BLOCK_128.withBlock(3, 5),
                        QuantizationScheme.FP4_GROUP_32.withBlock(2, 6),
                        QuantizationScheme.INT4_GROUP_32.withBlock(7, 1000));
        for (QuantizationScheme scheme : schemes) {
            for (int m : new int[] {1, 5, 50}) {
                for (int k : new int[] {2, 62, 256, 390}) {
                    Tensor a = bench.random(DType.BF16, m, k);
                    Operand b = bench.randomCodes(scheme, 37, k);
                    Tensor out = bench.random(DType.F32, m, 37);
                    PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, true), a, b, b, out);
                }
            }
            Tensor a = bench.random(DType.F32, 2, 4, 34);
            Operand b = bench.randomCodes(scheme, 2, 34, 70);
            Tensor out = bench.random(DType.F32, 2, 4, 70);
            PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, false), a, b, b, out);
        }
    }

    @Test
    void crossesBlocksBetweenTwoStretchesOfARow() {
        for (QuantizationScheme scheme :
                List.of(
                        QuantizationScheme.INT4_GROUP_32.withBlock(7, 1000),
                        QuantizationScheme.FP8_BLOCK_128.withBlock(2, 100))) {
            Tensor a = bench.random(DType.F32, 2, 2304);
            Operand b = bench.randomCodes(scheme, 9, 2304);
            Tensor out = bench.random(DType.F32, 2, 9);
            PlainGemm.check(bench, PlainGemm.spec(a, b, out, false, true), a, b, b, out);
        }
    }

    private Tensor identity(int size) {
        Tensor tensor = bench.random(DType.F32, size, size);
        bench.fill(tensor, 0);
        for (int i = 0; i < size; i++) {
            HostElements.set(tensor.segment(), DType.F32, (long) i * size + i, 1);
        }
        return tensor;
    }

    /// The product with the identity shows every code by itself.
    @Test
    void decodesEveryCodeExactly() {
        int k = 512;
        Tensor a = identity(k);
        for (QuantizationScheme scheme :
                List.of(
                        QuantizationScheme.FP8_TOKEN_128,
                        QuantizationScheme.FP8_TOKEN_128.withTypes(DType.F8_E5M2, DType.BF16),
                        QuantizationScheme.FP4_GROUP_32,
                        QuantizationScheme.INT4_GROUP_32)) {
            QuantizedTensor b = bench.randomCodes(scheme, 1, k);
            for (int i = 0; i < b.values().byteSize(); i++) {
                boolean infinite =
                        scheme.values() == DType.F8_E5M2 && (i & 0x7f) >= 0x7c
                                || scheme.values() == DType.F8_E4M3 && (i & 0x7f) == 0x7f;
                b.values().segment().set(ValueLayout.JAVA_BYTE, i, (byte) (infinite ? 0 : i));
            }
            Tensor out = bench.arena().tensor(DType.F32, k, 1);
            bench.run(
                    PlainGemm.spec(a, b, out, false, true).withBatchInvariant(true),
                    Gemm.Args.of(a, b, out));
            for (int i = 0; i < k; i++) {
                assertEquals(
                        (float) MatrixBench.at(b, 0, 0, i) + 0f,
                        (float) MatrixBench.at(out, 0, i, 0),
                        scheme + " " + i);
            }
        }
    }

    @Test
    void keepsCodesThatAreNoNumbers() {
        for (DType type : List.of(DType.F8_E4M3, DType.F8_E5M2)) {
            Tensor a = bench.random(DType.F32, 1, 256);
            bench.fill(a, 1);
            Tensor b = bench.random(type, 3, 256);
            b.segment().set(ValueLayout.JAVA_BYTE, 256 + 9, (byte) 0x7f);
            b.segment().set(ValueLayout.JAVA_BYTE, 2 * 256 + 9, (byte) 0xff);
            Tensor out = bench.arena().tensor(DType.F32, 1, 3);
            bench.run(PlainGemm.spec(a, b, out, false, true), Gemm.Args.of(a, b, out));
            assertTrue(Double.isFinite(MatrixBench.at(out, 0, 0, 0)));
            assertTrue(Double.isNaN(MatrixBench.at(out, 0, 0, 1)));
            assertTrue(Double.isNaN(MatrixBench.at(out, 0, 0, 2)));
        }
        Tensor a = bench.random(DType.F32, 1, 256);
        bench.fill(a, 1);
        Tensor b = bench.random(DType.F8_E5M2, 1, 256);
        b.segment().set(ValueLayout.JAVA_BYTE, 9, (byte) 0xfc);
        Tensor out = bench.arena().tensor(DType.F32, 1, 1);
        bench.run(PlainGemm.spec(a, b, out, false, true), Gemm.Args.of(a, b, out));
        assertEquals(Double.NEGATIVE_INFINITY, MatrixBench.at(out, 0, 0, 0));
    }

    @Test
    void roundsResultsToNearestEven() {
        int n = 333;
        Tensor one = identity(1);
        for (DType type : List.of(DType.BF16, DType.F16)) {
            Tensor b = bench.random(DType.F32, n, 1);
            for (int i = 0; i < n; i++) {
                // Halfway between two results, a bit to either side of it, or a NaN whose mantissa
                // is full.
                int half = type == DType.BF16 ? 0x8000 : 0x1000;
                int bits = 0x3f800000 + i * half + i % 3 - 1;
                b.segment().setAtIndex(ValueLayout.JAVA_INT, i, i == 100 ? 0x7fffffff : bits);
            }
            Tensor out = bench.arena().tensor(type, 1, n);
            Tensor wanted = bench.arena().tensor(type, 1, n);
            bench.run(PlainGemm.spec(one, b, out, false, true), Gemm.Args.of(one, b, out));
            for (int i = 0; i < n; i++) {
                HostElements.set(wanted.segment(), type, i, MatrixBench.at(b, 0, i, 0));
                assertEquals(
                        MatrixBench.at(wanted, 0, 0, i),
                        MatrixBench.at(out, 0, 0, i),
                        type + " " + i);
            }
        }
    }
}

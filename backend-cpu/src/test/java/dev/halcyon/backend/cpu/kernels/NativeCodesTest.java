package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/// Native products of BF16 rows with weights of 8- and 4-bit codes, at every level that the machine
/// has.
class NativeCodesTest {
    private static final String LEVELS = "dev.halcyon.backend.cpu.nativecode.NativeLevels#present";

    private static final List<QuantizationScheme> SCHEMES =
            List.of(
                    QuantizationScheme.FP8_BLOCK_128,
                    QuantizationScheme.FP8_BLOCK_128_UE8M0,
                    QuantizationScheme.FP8_TOKEN_128,
                    QuantizationScheme.FP4_GROUP_32,
                    QuantizationScheme.INT4_GROUP_32,
                    QuantizationScheme.FP8_BLOCK_128.withTypes(DType.F8_E5M2, DType.F16),
                    QuantizationScheme.FP4_GROUP_32.withBlock(3, 96),
                    QuantizationScheme.FP8_BLOCK_128.withBlock(5, 320),
                    QuantizationScheme.INT4_GROUP_32.withBlock(7, 1000));

    @ParameterizedTest
    @MethodSource(LEVELS)
    void multipliesByEveryScheme(NativeLevel level) {
        try (MatrixBench bench = MatrixBench.open(2, level)) {
            for (QuantizationScheme scheme : SCHEMES) {
                for (int[] size :
                        new int[][] {
                            {1, 37, 2},
                            {2, 33, 62},
                            {17, 70, 390},
                            {33, 64, 512},
                            {150, 35, 706},
                            {1, 300, 960}
                        }) {
                    Tensor a = bench.random(DType.BF16, size[0], size[2]);
                    Operand b = bench.randomCodes(scheme, size[1], size[2]);
                    Tensor out = bench.random(DType.F32, size[0], size[1]);
                    Gemm spec =
                            PlainGemm.spec(a, b, out, false, true)
                                    .withFactors(0.5, size[0] % 2 == 0 ? 2 : 0);
                    Support support = bench.device().supports(spec);
                    assertEquals(
                            "gemm.codes." + level.label(),
                            ((Support.Native) support).implementation().name());
                    PlainGemm.check(bench, spec, a, b, b, out);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void givesARowTheSameBitsInEveryCompany(NativeLevel level) {
        for (QuantizationScheme scheme : SCHEMES) {
            byte[] all = null;
            for (int threads = 1; threads <= 3; threads += 2) {
                try (MatrixBench bench = MatrixBench.open(threads, level)) {
                    Tensor a = bench.random(DType.BF16, 140, 714);
                    Operand b = bench.randomCodes(scheme, 67, 714);
                    for (int m : new int[] {140, 1, 2, 16, 17, 31, 65}) {
                        Tensor some = a.slice(0, 0, m);
                        Tensor out = bench.random(DType.F32, m, 67);
                        bench.run(
                                PlainGemm.spec(some, b, out, false, true).withBatchInvariant(true),
                                Gemm.Args.of(some, b, out));
                        byte[] bits = MatrixBench.bits(out);
                        if (all == null) {
                            all = bits;
                        }
                        assertArrayEquals(
                                Arrays.copyOf(all, bits.length),
                                bits,
                                level + " " + scheme + " " + m + " rows");
                    }
                }
            }
        }
    }

    /// A row with a single 1 shows the code that it meets.
    @ParameterizedTest
    @MethodSource(LEVELS)
    void decodesEveryCodeExactly(NativeLevel level) {
        int k = 256;
        for (QuantizationScheme scheme : SCHEMES) {
            try (MatrixBench bench = MatrixBench.open(1, level)) {
                Tensor a = bench.random(DType.BF16, k, k);
                bench.fill(a, 0);
                for (int i = 0; i < k; i++) {
                    HostElements.set(a.segment(), DType.BF16, (long) i * k + i, 1);
                }
                QuantizedTensor b = bench.randomCodes(scheme, 1, k);
                for (int i = 0; i < b.values().byteSize(); i++) {
                    boolean special =
                            scheme.values() == DType.F8_E4M3 && (i & 0x7f) == 0x7f
                                    || scheme.values() == DType.F8_E5M2 && (i & 0x7f) >= 0x7c;
                    b.values().segment().set(ValueLayout.JAVA_BYTE, i, (byte) (special ? 0 : i));
                }
                Tensor out = bench.arena().tensor(DType.F32, k, 1);
                bench.run(PlainGemm.spec(a, b, out, false, true), Gemm.Args.of(a, b, out));
                for (int i = 0; i < k; i++) {
                    assertEquals(
                            (float) MatrixBench.at(b, 0, 0, i) + 0f,
                            (float) MatrixBench.at(out, 0, i, 0) + 0f,
                            scheme + " " + i);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void keepsCodesThatAreNoNumbers(NativeLevel level) {
        try (MatrixBench bench = MatrixBench.open(1, level)) {
            for (DType type : List.of(DType.F8_E4M3, DType.F8_E5M2)) {
                Tensor a = bench.random(DType.BF16, 1, 256);
                bench.fill(a, 1);
                Tensor b = bench.random(type, 3, 256);
                b.segment().set(ValueLayout.JAVA_BYTE, 256 + 9, (byte) 0x7f);
                b.segment()
                        .set(
                                ValueLayout.JAVA_BYTE,
                                2 * 256 + 9,
                                (byte) (type == DType.F8_E5M2 ? 0xfc : 0xff));
                Tensor out = bench.arena().tensor(DType.F32, 1, 3);
                bench.run(PlainGemm.spec(a, b, out, false, true), Gemm.Args.of(a, b, out));
                assertEquals(Double.NaN, MatrixBench.at(out, 0, 0, 1));
                assertEquals(
                        type == DType.F8_E5M2 ? Double.NEGATIVE_INFINITY : Double.NaN,
                        MatrixBench.at(out, 0, 0, 2));
            }
        }
    }
}

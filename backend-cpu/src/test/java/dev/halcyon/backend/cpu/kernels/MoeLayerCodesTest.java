package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.FeedForward;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.Rows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/// Expert layers whose weights are 8- and 4-bit codes with block scales, on Java's tiles and at
/// every native level that the machine has.
class MoeLayerCodesTest {
    private static final String LEVELS = "dev.halcyon.backend.cpu.nativecode.NativeLevels#present";
    private static final int HIDDEN = 198;
    private static final int INNER = 150;
    private static final int EXPERTS = 5;
    private static final int TOP_K = 2;
    private static final int TOKENS = 43;

    private static final List<QuantizationScheme> SCHEMES =
            List.of(
                    QuantizationScheme.FP8_BLOCK_128,
                    QuantizationScheme.FP8_BLOCK_128.withTypes(DType.F8_E5M2, DType.BF16),
                    QuantizationScheme.FP8_BLOCK_128.withBlock(64, 64),
                    QuantizationScheme.FP4_GROUP_32,
                    QuantizationScheme.INT4_GROUP_32);

    private record Layer(
            Tensor x,
            Tensor router,
            QuantizedTensor gate,
            QuantizedTensor up,
            QuantizedTensor down) {
        static Layer random(MatrixBench bench, QuantizationScheme scheme) {
            return new Layer(
                    bench.random(DType.BF16, TOKENS, HIDDEN),
                    bench.random(DType.F32, EXPERTS, HIDDEN),
                    codes(bench, scheme, EXPERTS, INNER, HIDDEN),
                    codes(bench, scheme, EXPERTS, INNER, HIDDEN),
                    codes(bench, scheme, EXPERTS, HIDDEN, INNER));
        }

        /// Codes of large magnitude would leave the activation's sigmoid nothing to do.
        private static QuantizedTensor codes(
                MatrixBench bench, QuantizationScheme scheme, long... dims) {
            QuantizedTensor codes = bench.randomCodes(scheme, dims);
            double factor = scheme.values().isPacked() ? 0x1p-6 : 0x1p-11;
            Tensor scales = codes.scales();
            for (long i = 0; i < scales.elements(); i++) {
                double scale = HostElements.get(scales.segment(), scales.dtype(), i);
                HostElements.set(scales.segment(), scales.dtype(), i, scale * factor);
            }
            return codes;
        }

        MoeLayer.Args args(Tensor rows, Tensor out) {
            return MoeLayer.Args.of(rows, router, gate, up, down, out);
        }

        private static Rows rows(QuantizedTensor stack, int expert) {
            int rows = (int) stack.shape().dim(1);
            int columns = (int) stack.shape().dim(2);
            double[] values = new double[rows * columns];
            Arrays.setAll(values, i -> MatrixBench.at(stack, expert, i / columns, i % columns));
            return Rows.of(values, rows, columns);
        }

        double[] expected(Routing routing) {
            return dev.halcyon.tck.oracle.MoeLayer.whole(
                            e -> new FeedForward(rows(gate, e), rows(up, e), rows(down, e)),
                            EXPERTS,
                            null)
                    .apply(values(x), routing, HIDDEN);
        }

        Routing routing() {
            GateRule rule = GateRule.flat(EXPERTS, TOP_K, GateRule.Score.SIGMOID, true, 2.5);
            return Gate.route(values(x), Rows.of(values(router), EXPERTS, HIDDEN), null, rule);
        }

        private static double[] values(Tensor matrix) {
            double[] values = new double[(int) matrix.elements()];
            int columns = (int) matrix.dim(1);
            Arrays.setAll(values, i -> MatrixBench.at(matrix, 0, i / columns, i % columns));
            return values;
        }
    }

    private static MoeLayer spec(int maxTokens, QuantizationScheme scheme) {
        MoeGate gate =
                MoeGate.of(maxTokens, HIDDEN, EXPERTS, TOP_K, MoeGate.Score.SIGMOID, DType.BF16)
                        .withTypes(DType.BF16, DType.F32)
                        .withScale(2.5);
        return MoeLayer.of(gate, INNER, WeightFormat.rowMajor(scheme))
                .withTypes(DType.BF16, DType.F32)
                .withBatchInvariant(true);
    }

    private static void check(Supplier<MatrixBench> open) {
        for (QuantizationScheme scheme : SCHEMES) {
            try (MatrixBench bench = open.get()) {
                Layer layer = Layer.random(bench, scheme);
                Tensor out = bench.random(DType.F32, TOKENS, HIDDEN);
                bench.run(spec(TOKENS + 3, scheme), layer.args(layer.x, out));
                double[] expected = layer.expected(layer.routing());
                double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
                for (int i = 0; i < expected.length; i++) {
                    // The activation may be rounded to BF16.
                    MatrixBench.close(
                            expected[i],
                            MatrixBench.at(out, 0, i / HIDDEN, i % HIDDEN),
                            0x1p-8 * largest,
                            scheme + " element " + i);
                }
                for (int token : new int[] {0, 17, TOKENS - 1}) {
                    Tensor alone = bench.random(DType.F32, 1, HIDDEN);
                    bench.run(
                            spec(TOKENS, scheme),
                            layer.args(layer.x.slice(0, token, token + 1), alone));
                    assertArrayEquals(
                            MatrixBench.bits(out.slice(0, token, token + 1)),
                            MatrixBench.bits(alone),
                            scheme + " token " + token);
                }
            }
        }
    }

    @Test
    void matchesTheOracleInJava() {
        check(() -> MatrixBench.openJava(2));
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void matchesTheOracleNatively(NativeLevel level) {
        check(() -> MatrixBench.open(2, level));
    }

    @ParameterizedTest
    @MethodSource(LEVELS)
    void runsOnTheKernelsForCodes(NativeLevel level) {
        try (MatrixBench bench = MatrixBench.open(1, level)) {
            Support support = bench.device().supports(spec(4, QuantizationScheme.FP8_BLOCK_128));
            assertEquals(
                    "moelayer.codes." + level.label(),
                    assertInstanceOf(Support.Native.class, support).implementation().name());
        }
    }
}

package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.FeedForward;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.Rows;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.stream.IntStream;

/// The coarse expert layers, routed and dense.
class MoeLayerKernelTest {
    private static final int HIDDEN = 70;
    private static final int INNER = 50;
    private static final int SHARED = 33;
    private static final int EXPERTS = 12;
    private static final int TOP_K = 3;
    private static final int TOKENS = 23;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    /// The operands of a layer.
    private record Layer(
            Tensor x,
            Tensor router,
            Tensor gate,
            Tensor up,
            Tensor down,
            Tensor sharedGate,
            Tensor sharedUp,
            Tensor sharedDown) {
        static Layer random(RowBench bench, DType dtype) {
            return new Layer(
                    bench.normal(dtype, TOKENS, HIDDEN),
                    weight(bench, DType.F32, EXPERTS, HIDDEN),
                    weight(bench, dtype, EXPERTS, INNER, HIDDEN),
                    weight(bench, dtype, EXPERTS, INNER, HIDDEN),
                    weight(bench, dtype, EXPERTS, HIDDEN, INNER),
                    weight(bench, dtype, SHARED, HIDDEN),
                    weight(bench, dtype, SHARED, HIDDEN),
                    weight(bench, dtype, HIDDEN, SHARED));
        }

        private static Tensor weight(RowBench bench, DType dtype, long... dims) {
            Tensor tensor = bench.normal(dtype, dims);
            bench.set(tensor, number -> 0.2 * bench.random().nextGaussian());
            return tensor;
        }

        MoeLayer.Args args(Tensor rows, Tensor out) {
            return MoeLayer.Args.of(rows, router, gate, up, down, out)
                    .withShared(sharedGate, sharedUp, sharedDown);
        }

        FeedForward expert(RowBench bench, int e) {
            return network(bench, gate.get(e), up.get(e), down.get(e));
        }

        FeedForward shared(RowBench bench) {
            return network(bench, sharedGate, sharedUp, sharedDown);
        }

        private static FeedForward network(RowBench bench, Tensor gate, Tensor up, Tensor down) {
            return new FeedForward(rows(bench, gate), rows(bench, up), rows(bench, down));
        }

        private static Rows rows(RowBench bench, Tensor matrix) {
            return Rows.of(bench.read(matrix), (int) matrix.dim(0), (int) matrix.dim(1));
        }
    }

    private static MoeGate gate(int maxTokens, DType dtype) {
        return MoeGate.of(maxTokens, HIDDEN, EXPERTS, TOP_K, MoeGate.Score.SIGMOID, dtype)
                .withTypes(dtype, DType.F32)
                .withScale(2.5);
    }

    private static MoeLayer spec(int maxTokens, DType dtype) {
        WeightFormat format = WeightFormat.rowMajor(dtype);
        return MoeLayer.of(gate(maxTokens, dtype), INNER, format)
                .withShared(SHARED, format, format)
                .withTypes(DType.F32, DType.F32);
    }

    private Routing routing(Layer layer) {
        GateRule rule = GateRule.flat(EXPERTS, TOP_K, GateRule.Score.SIGMOID, true, 2.5);
        return Gate.route(bench.read(layer.x), Layer.rows(bench, layer.router), null, rule);
    }

    private dev.halcyon.tck.oracle.MoeLayer oracle(Layer layer) {
        return dev.halcyon.tck.oracle.MoeLayer.whole(
                e -> layer.expert(bench, e), EXPERTS, layer.shared(bench));
    }

    @ParameterizedTest
    @EnumSource
    void matchesTheOracle(MoeLayer.WeightPosition position) {
        for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
            Layer layer = Layer.random(bench, dtype);
            MoeLayer spec = spec(TOKENS + 4, dtype).withPosition(position).withLimit(0.7);
            Tensor out = bench.empty(DType.F32, TOKENS, HIDDEN);
            Tensor indices = bench.empty(DType.I32, TOKENS, TOP_K);
            Tensor weights = bench.empty(DType.F32, TOKENS, TOP_K);
            bench.run(spec, layer.args(layer.x, out).withRouting(indices, weights));
            Routing routing = routing(layer);
            assertArrayEquals(routing.indices(), bench.readInts(indices));
            bench.assertClose(routing.weights(), weights);
            double[] expected =
                    oracle(layer)
                            .withLimit(0.7)
                            .withPosition(FeedForward.WeightPosition.valueOf(position.name()))
                            .apply(bench.read(layer.x), routing, HIDDEN);
            bench.assertClose(expected, out, 2e-5);
        }
    }

    @Test
    void runsInOnePiece() {
        Support.Native support =
                assertInstanceOf(Support.Native.class, bench.device().supports(spec(8, DType.F32)));
        assertEquals("moelayer.rows", support.implementation().name());
        assertFalse(support.lowered());
        assertTrue(support.capturable());
        assertTrue(support.numerics().batchInvariant());
    }

    /// A workspace too small for all rows at once.
    @Test
    void batchesOfRowsGiveTheSameBits() {
        Layer layer = Layer.random(bench, DType.BF16);
        MoeLayer spec = spec(TOKENS, DType.BF16).withPosition(WeightPosition.BEFORE_DOWN);
        Tensor whole = bench.empty(DType.F32, TOKENS, HIDDEN);
        Plan<MoeLayer.Args> roomy = bench.device().plan(spec);
        bench.run(roomy, layer.args(layer.x, whole));
        Plan<MoeLayer.Args> tight = roomy;
        for (long limit = roomy.workspaceBytes() * 7 / 8;
                isOnePiece(bench.device().supports(spec, Limits.workspace(limit)));
                limit = limit * 7 / 8) {
            tight = bench.device().plan(spec, Limits.workspace(limit));
        }
        assertTrue(tight.workspaceBytes() < roomy.workspaceBytes() * 3 / 4);
        Tensor out = bench.empty(DType.F32, TOKENS, HIDDEN);
        bench.run(tight, layer.args(layer.x, out));
        assertArrayEquals(bench.read(whole), bench.read(out));
    }

    private static boolean isOnePiece(Support support) {
        return support instanceof Support.Native runs && !runs.lowered();
    }

    @Test
    void takesExpertsAtManyAddresses() {
        Layer layer = Layer.random(bench, DType.BF16);
        Tensor whole = bench.empty(DType.F32, TOKENS, HIDDEN);
        bench.run(spec(TOKENS, DType.BF16), layer.args(layer.x, whole));
        Tensor out = bench.empty(DType.F32, TOKENS, HIDDEN);
        WeightFormat listed = WeightFormat.rowMajor(DType.BF16).listed();
        bench.run(
                spec(TOKENS, DType.BF16).withFormats(listed, listed),
                MoeLayer.Args.of(
                                layer.x,
                                layer.router,
                                list(layer.gate),
                                list(layer.up),
                                list(layer.down),
                                out)
                        .withShared(layer.sharedGate, layer.sharedUp, layer.sharedDown));
        bench.assertClose(bench.read(whole), out);
    }

    private static TensorList list(Tensor stack) {
        return new TensorList(IntStream.range(0, (int) stack.dim(0)).mapToObj(stack::get).toList());
    }

    @Test
    void partsOfTheExpertsAddUpToTheLayer() {
        Layer layer = Layer.random(bench, DType.F32);
        double[] sum = new double[TOKENS * HIDDEN];
        for (int first : new int[] {0, 5}) {
            int count = first == 0 ? 5 : EXPERTS - 5;
            MoeLayer spec = spec(TOKENS, DType.F32).withLocalExperts(first, count);
            MoeLayer.Args args =
                    MoeLayer.Args.of(
                            layer.x,
                            layer.router,
                            layer.gate.slice(0, first, first + count),
                            layer.up.slice(0, first, first + count),
                            layer.down.slice(0, first, first + count),
                            bench.empty(DType.F32, TOKENS, HIDDEN));
            if (first == 0) {
                args = args.withShared(layer.sharedGate, layer.sharedUp, layer.sharedDown);
            } else {
                spec =
                        spec.withShared(
                                0,
                                WeightFormat.rowMajor(DType.F32),
                                WeightFormat.rowMajor(DType.F32));
            }
            bench.run(spec, args);
            double[] part = bench.read(args.out());
            for (int i = 0; i < sum.length; i++) {
                sum[i] += part[i];
            }
        }
        Tensor whole = bench.empty(DType.F32, TOKENS, HIDDEN);
        bench.run(spec(TOKENS, DType.F32), layer.args(layer.x, whole));
        bench.assertClose(sum, whole);
    }

    @Test
    void aTokenDoesNotDependOnTheOthersWhereThatIsPromised() {
        Layer layer = Layer.random(bench, DType.BF16);
        Tensor together = bench.empty(DType.F32, TOKENS, HIDDEN);
        bench.run(spec(TOKENS, DType.BF16).withBatchInvariant(true), layer.args(layer.x, together));
        for (int token : new int[] {0, 1, TOKENS - 1}) {
            Tensor alone = bench.empty(DType.F32, 1, HIDDEN);
            bench.run(
                    spec(100, DType.BF16).withBatchInvariant(true),
                    layer.args(layer.x.slice(0, token, token + 1), alone));
            assertArrayEquals(bench.read(together.slice(0, token, token + 1)), bench.read(alone));
        }
    }

    @Test
    void deadTokensMakeNoDifference() {
        Layer layer = Layer.random(bench, DType.F32);
        Tensor all = bench.empty(DType.F32, TOKENS, HIDDEN);
        bench.run(spec(TOKENS, DType.F32).withBatchInvariant(true), layer.args(layer.x, all));
        bench.set(layer.x.slice(0, 9, TOKENS), number -> Double.NaN);
        for (int live : new int[] {9, 0}) {
            Tensor out = bench.empty(DType.F32, TOKENS, HIDDEN);
            bench.run(
                    spec(TOKENS, DType.F32).withBatchInvariant(true),
                    layer.args(layer.x, out).withActiveRows(bench.ints(live)));
            assertArrayEquals(
                    bench.read(all.slice(0, 0, live)),
                    bench.read(out.slice(0, 0, live)),
                    "live " + live);
        }
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Layer layer = Layer.random(some, DType.BF16);
                    Tensor out = some.empty(DType.F32, TOKENS, HIDDEN);
                    some.run(spec(TOKENS, DType.BF16), layer.args(layer.x, out));
                    return out;
                });
    }

    @Test
    void theDenseNetworkMatchesTheOracle() {
        Layer layer = Layer.random(bench, DType.F32);
        Tensor out = bench.empty(DType.F32, TOKENS, HIDDEN);
        WeightFormat format = WeightFormat.rowMajor(DType.F32);
        SwiGluMlp spec =
                new SwiGluMlp(
                        TOKENS + 1,
                        HIDDEN,
                        SHARED,
                        format,
                        format,
                        1.5,
                        DType.F32,
                        DType.F32,
                        DType.F32,
                        false);
        bench.run(
                spec,
                SwiGluMlp.Args.of(
                        layer.x, layer.sharedGate, layer.sharedUp, layer.sharedDown, out));
        bench.assertClose(layer.shared(bench).apply(bench.read(layer.x), 1.5), out, 2e-5);
    }
}

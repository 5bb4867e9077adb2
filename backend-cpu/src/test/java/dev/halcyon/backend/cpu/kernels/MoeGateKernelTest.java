package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Linear;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.Rows;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;

/// Routing against the oracle, and its laws: ties, NaN, batch invariance, dead and bad rows.
class MoeGateKernelTest {
    private static final double NAN = Double.NaN;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private record Result(Tensor indices, Tensor weights, Tensor scores) {}

    private Result run(MoeGate gate, Tensor x, Tensor weight, @Nullable Tensor bias) {
        long tokens = x.dim(0);
        Result result =
                new Result(
                        bench.empty(DType.I32, tokens, gate.topK()),
                        bench.empty(DType.F32, tokens, gate.topK()),
                        bench.empty(DType.F32, tokens, gate.experts()));
        bench.run(
                gate,
                MoeGate.Args.of(x, weight, result.indices, result.weights)
                        .withBias(bias)
                        .withScores(result.scores));
        return result;
    }

    private static GateRule rule(MoeGate gate) {
        return new GateRule(
                gate.experts(),
                gate.topK(),
                GateRule.Score.valueOf(gate.score().name()),
                gate.groups(),
                gate.keptGroups(),
                GateRule.GroupScore.valueOf(gate.groupScore().name()),
                gate.normalise(),
                gate.scale());
    }

    private void check(MoeGate gate, Tensor x, Tensor weight, @Nullable Tensor bias) {
        Result result = run(gate, x, weight, bias);
        Rows rows = Rows.of(bench.read(weight), gate.experts(), gate.hidden());
        double[] biases = bias == null ? null : bench.read(bias);
        double[] scores = Gate.scores(Linear.apply(bench.read(x), rows), rule(gate));
        bench.assertClose(scores, result.scores);
        Routing routing = Gate.choose(scores, biases, rule(gate));
        int[] indices = bench.readInts(result.indices);
        double[] weights = bench.read(result.weights);
        int clear = 0;
        for (int token = 0; token < x.dim(0); token++) {
            double[] one =
                    Arrays.copyOfRange(
                            scores, token * gate.experts(), (token + 1) * gate.experts());
            if (Gate.expertMargin(one, biases, rule(gate)) < 1e-5
                    || Gate.groupMargin(one, biases, rule(gate)) < 1e-5) {
                continue;
            }
            clear++;
            // Neighbours in rank may change places by rounding, so the chosen are compared as a
            // set.
            int from = token * gate.topK();
            for (int k = from; k < from + gate.topK(); k++) {
                int at = from;
                while (at < from + gate.topK() - 1 && routing.indices()[at] != indices[k]) {
                    at++;
                }
                assertEquals(routing.indices()[at], indices[k], "choice " + k);
                assertEquals(routing.weights()[at], weights[k], 2e-6 * gate.scale(), "weight " + k);
            }
        }
        assertTrue(clear * 2 >= x.dim(0), "only " + clear + " tokens were clear");
    }

    @ParameterizedTest
    @EnumSource
    void matchesTheOracleForEveryScore(MoeGate.Score score) {
        for (int tokens : new int[] {1, 7, 8, 9, 35}) {
            MoeGate gate = MoeGate.of(40, 130, 37, 5, score, DType.F32).withScale(1.5);
            Tensor x = bench.normal(DType.F32, tokens, 130);
            Tensor weight = bench.normal(DType.F32, 37, 130);
            bench.set(weight, number -> 0.1 * bench.random().nextGaussian());
            check(gate, x, weight, null);
            Tensor bias = bench.normal(DType.F32, 37);
            check(gate.withBias(true), x, weight, bias);
            check(gate.withNormalise(!gate.normalise()), x, weight, null);
        }
    }

    @ParameterizedTest
    @EnumSource
    void matchesTheOracleWithGroups(MoeGate.GroupScore groupScore) {
        MoeGate gate =
                MoeGate.of(20, 65, 48, 6, MoeGate.Score.SIGMOID, DType.F32)
                        .withGroups(8, 3, groupScore)
                        .withBias(true)
                        .withScale(2.5);
        Tensor x = bench.normal(DType.F32, 19, 65);
        Tensor weight = bench.normal(DType.F32, 48, 65);
        check(gate, x, weight, bench.normal(DType.F32, 48));
        // All ranked values below zero: a dropped group must count as minus infinity, not as zero.
        Tensor low = bench.empty(DType.F32, 48);
        bench.set(low, number -> -3 - bench.random().nextDouble());
        check(gate, x, weight, low);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void takesTypesAndStrides(DType dtype) {
        MoeGate gate =
                MoeGate.of(20, 1500, 18, 3, MoeGate.Score.SIGMOID, dtype)
                        .withTypes(dtype, DType.BF16);
        Tensor x = bench.normalStrided(dtype, 11, 1500);
        Tensor weight = bench.normal(DType.BF16, 18, 1500);
        bench.set(weight, number -> 0.02 * bench.random().nextGaussian());
        check(gate, x, weight, null);
    }

    @Test
    void longRowsStayExact() {
        MoeGate gate = MoeGate.deepSeekV3(4, DType.BF16);
        Tensor x = bench.normal(DType.BF16, 3, 7168);
        Tensor weight = bench.normal(DType.BF16, 256, 7168);
        bench.set(weight, number -> 0.02 * bench.random().nextGaussian());
        check(gate, x, weight, bench.floats(new double[256]));
    }

    @Test
    void aTokenDoesNotDependOnTheOthersOrOnTheBound() {
        MoeGate gate = MoeGate.of(64, 1100, 21, 4, MoeGate.Score.SOFTMAX, DType.F32);
        Tensor x = bench.normal(DType.F32, 29, 1100);
        Tensor weight = bench.normal(DType.F32, 21, 1100);
        Result together = run(gate, x, weight, null);
        MoeGate wider = MoeGate.of(1000, 1100, 21, 4, MoeGate.Score.SOFTMAX, DType.F32);
        for (int token = 0; token < 29; token++) {
            Result alone = run(wider, x.slice(0, token, token + 1), weight, null);
            assertArrayEquals(
                    bench.read(together.scores.slice(0, token, token + 1)),
                    bench.read(alone.scores));
            assertArrayEquals(
                    bench.read(together.weights.slice(0, token, token + 1)),
                    bench.read(alone.weights));
        }
    }

    @Test
    void equalScoresGoToTheSmallestExpert() {
        MoeGate gate = MoeGate.of(4, 33, 40, 6, MoeGate.Score.SQRT_SOFTPLUS, DType.F32);
        Tensor row = bench.normal(DType.F32, 33);
        double[] values = bench.read(row);
        double[] all = new double[40 * 33];
        for (int e = 0; e < 40; e++) {
            System.arraycopy(values, 0, all, e * 33, 33);
        }
        Tensor x = bench.normal(DType.F32, 4, 33);
        Result result = run(gate, x, bench.of(DType.F32, all, 40, 33), null);
        assertArrayEquals(
                new int[] {0, 1, 2, 3, 4, 5}, bench.readInts(result.indices.slice(0, 3, 4)));
        MoeGate grouped = gate.withGroups(10, 3, MoeGate.GroupScore.TOP2_SUM);
        assertArrayEquals(
                new int[] {0, 1, 2, 3, 4, 5},
                bench.readInts(
                        run(grouped, x, bench.of(DType.F32, all, 40, 33), null)
                                .indices
                                .slice(0, 1, 2)));
    }

    @Test
    void naNComesLast() {
        MoeGate gate = MoeGate.of(1, 1, 4, 3, MoeGate.Score.SIGMOID, DType.F32).withBias(true);
        Tensor x = bench.floats(1).reshape(1, 1);
        Tensor weight = bench.of(DType.F32, new double[] {1, 1, 1, 1}, 4, 1);
        Result result = run(gate, x, weight, bench.floats(NAN, -1, Double.NEGATIVE_INFINITY, 2));
        assertArrayEquals(new int[] {3, 1, 2}, bench.readInts(result.indices));
    }

    @Test
    void scoresThatVanishDoNotDivideByZero() {
        MoeGate gate = MoeGate.of(1, 1, 3, 2, MoeGate.Score.SQRT_SOFTPLUS, DType.F32);
        Tensor weight = bench.of(DType.F32, new double[] {-1000, -2000, -3000}, 3, 1);
        Result result = run(gate, bench.floats(1).reshape(1, 1), weight, null);
        assertArrayEquals(new double[] {0, 0}, bench.read(result.weights));
    }

    @Test
    void deadTokensGoNowhere() {
        MoeGate gate = MoeGate.of(40, 8, 5, 2, MoeGate.Score.SIGMOID, DType.F32);
        Tensor x = bench.normal(DType.F32, 33, 8);
        bench.set(x.slice(0, 3, 33), number -> NAN);
        Tensor weight = bench.normal(DType.F32, 5, 8);
        Tensor indices = bench.empty(DType.I32, 33, 2);
        Tensor weights = bench.empty(DType.F32, 33, 2);
        bench.run(gate, MoeGate.Args.of(x, weight, indices, weights).withActiveRows(bench.ints(3)));
        int[] expected = new int[60];
        Arrays.fill(expected, -1);
        assertArrayEquals(expected, bench.readInts(indices.slice(0, 3, 33)));
        assertArrayEquals(new double[60], bench.read(weights.slice(0, 3, 33)));
        Result live = run(gate, x.slice(0, 0, 3), weight, null);
        assertArrayEquals(bench.readInts(live.indices), bench.readInts(indices.slice(0, 0, 3)));
        assertArrayEquals(bench.read(live.weights), bench.read(weights.slice(0, 0, 3)));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void hashedGatesLookExpertsUp(boolean wide) {
        MoeGate gate =
                MoeGate.of(8, 20, 6, 2, MoeGate.Score.SQRT_SOFTPLUS, DType.F32)
                        .withHash(4)
                        .withScale(1.5);
        Tensor x = bench.normal(DType.F32, 3, 20);
        Tensor weight = bench.normal(DType.F32, 6, 20);
        int[] table = {5, 0, 1, 2, 3, 4, 0, 5};
        Tensor expertTable =
                wide
                        ? bench.longs(Arrays.stream(table).asLongStream().toArray()).reshape(4, 2)
                        : bench.intMatrix(table, 4, 2);
        Tensor indices = bench.empty(DType.I32, 3, 2);
        Tensor weights = bench.empty(DType.F32, 3, 2);
        bench.run(
                gate,
                MoeGate.Args.of(x, weight, indices, weights)
                        .withHash(bench.ints(3, 0, 2), expertTable));
        Routing routing =
                Gate.routeByHash(
                        bench.read(x),
                        Rows.of(bench.read(weight), 6, 20),
                        new int[] {3, 0, 2},
                        table,
                        rule(gate));
        assertArrayEquals(routing.indices(), bench.readInts(indices));
        bench.assertClose(routing.weights(), weights);
    }

    @Test
    void aWrongTokenOrTableEntryGoesNowhereAndFaults() {
        MoeGate gate = MoeGate.of(8, 4, 6, 2, MoeGate.Score.SIGMOID, DType.F32).withHash(3);
        Tensor x = bench.normal(DType.F32, 2, 4);
        Tensor weight = bench.normal(DType.F32, 6, 4);
        Tensor table = bench.intMatrix(new int[] {1, 2, 3, 6, 0, -1}, 3, 2);
        Tensor indices = bench.empty(DType.I32, 2, 2);
        Tensor weights = bench.empty(DType.F32, 2, 2);
        MoeGate.Args args = MoeGate.Args.of(x, weight, indices, weights);
        bench.runFaulty(gate, args.withHash(bench.ints(0, 3), table), "tokenIds[1] is 3");
        assertArrayEquals(new int[] {1, 2, -1, -1}, bench.readInts(indices));
        assertEquals(0, bench.read(weights)[2]);
        bench.runFaulty(gate, args.withHash(bench.ints(0, -1), table), "tokenIds[1] is -1");
        bench.runFaulty(gate, args.withHash(bench.ints(0, 1), table), "expertTable[3] is 6");
        assertArrayEquals(new int[] {1, 2, -1, -1}, bench.readInts(indices));
        bench.runFaulty(gate, args.withHash(bench.ints(0, 2), table), "expertTable[5] is -1");
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    Tensor scores = some.empty(DType.F32, 50, 64);
                    some.run(
                            MoeGate.of(50, 300, 64, 6, MoeGate.Score.SIGMOID, DType.F32),
                            MoeGate.Args.of(
                                            some.normal(DType.F32, 50, 300),
                                            some.normal(DType.F32, 64, 300),
                                            some.empty(DType.I32, 50, 6),
                                            some.empty(DType.F32, 50, 6))
                                    .withScores(scores));
                    return scores;
                });
    }
}

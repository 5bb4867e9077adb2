package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.assertGradient;
import static dev.halcyon.tck.oracle.Numbers.dot;
import static dev.halcyon.tck.oracle.Numbers.gaussian;
import static dev.halcyon.tck.oracle.Numbers.matrix;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.tck.oracle.FeedForward.WeightPosition;
import dev.halcyon.tck.oracle.GateRule.GroupScore;
import dev.halcyon.tck.oracle.GateRule.Score;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

class ExpertsTest {
    private static final double NAN = Double.NaN;
    private static final int EXPERTS = 6;
    private static final int HIDDEN = 4;
    private static final int INNER = 3;
    private static final int TOKENS = 7;

    private final List<FeedForward> networks =
            IntStream.range(0, EXPERTS).mapToObj(e -> network(100 + 3L * e, INNER)).toList();
    private final GateRule rule = GateRule.flat(EXPERTS, 3, Score.SIGMOID, true, 2.5);
    private final double[] x = gaussian(1, TOKENS, HIDDEN);
    private final Routing routing =
            Gate.route(x, matrix(2, EXPERTS, HIDDEN), gaussian(3, EXPERTS), rule);

    @Test
    void anExpertOfADroppedGroupIsNeverChosenHoweverNegativeTheOthersAre() {
        GateRule grouped = new GateRule(4, 2, Score.SIGMOID, 2, 1, GroupScore.TOP2_SUM, false, 1);
        double[] scores = {0.4, 0.3, 0.2, 0.1};
        double[] bias = {-9, -9, -20, -20};
        assertArrayEquals(new int[] {0, 1}, Gate.choose(scores, bias, grouped).indices());
        assertClose(new double[] {0.4, 0.3}, Gate.choose(scores, bias, grouped).weights());
    }

    @Test
    void groupsAreRankedByTheirTwoBestOrByTheirBest() {
        double[] scores = {0.9, 0.0, 0.5, 0.5};
        GateRule two = new GateRule(4, 2, Score.SIGMOID, 2, 1, GroupScore.TOP2_SUM, false, 1);
        GateRule one = new GateRule(4, 2, Score.SIGMOID, 2, 1, GroupScore.MAX, false, 1);
        assertArrayEquals(new int[] {2, 3}, Gate.choose(scores, null, two).indices());
        assertArrayEquals(new int[] {0, 1}, Gate.choose(scores, null, one).indices());
        assertEquals(0.1, Gate.groupMargin(scores, null, two), 1e-15);
        assertEquals(0.4, Gate.groupMargin(scores, null, one), 1e-15);
        assertEquals(1e300, Gate.expertMargin(scores, null, two));
    }

    @Test
    void tiesGoToTheSmallerIndexAndNanComesLast() {
        GateRule flat = GateRule.flat(5, 3, Score.SIGMOID, false, 1);
        assertArrayEquals(
                new int[] {1, 2, 4},
                Gate.choose(new double[] {NAN, 0.5, 0.5, NAN, 0.5}, null, flat).indices());
        assertArrayEquals(
                new int[] {3, 0, 1},
                Gate.choose(new double[] {NAN, NAN, NAN, 0.1, NAN}, null, flat).indices());
        GateRule grouped = new GateRule(4, 2, Score.SIGMOID, 2, 1, GroupScore.TOP2_SUM, false, 1);
        assertArrayEquals(
                new int[] {2, 3},
                Gate.choose(new double[] {0.9, NAN, 0.1, 0.1}, null, grouped).indices());
    }

    @Test
    void theBiasMovesTheChoiceAndNotTheWeights() {
        GateRule flat = GateRule.flat(3, 1, Score.SIGMOID, false, 1);
        Routing chosen = Gate.choose(new double[] {0.9, 0.2, 0.1}, new double[] {0, 12, 0}, flat);
        assertArrayEquals(new int[] {1}, chosen.indices());
        assertClose(new double[] {0.2}, chosen.weights());
    }

    @Test
    void normalisedWeightsSumToTheScaleEvenWhereScoresUnderflow() {
        double[] sums = new double[TOKENS];
        for (int i = 0; i < routing.weights().length; i++) {
            sums[i / 3] += routing.weights()[i];
        }
        assertClose(filled(TOKENS, 2.5), sums);
        Routing tiny =
                Gate.choose(
                        new double[] {0, 0, 0}, null, GateRule.flat(3, 2, Score.SIGMOID, true, 1));
        assertClose(new double[2], tiny.weights());
    }

    @Test
    void scoresAreWhatTheirNamesSay() {
        double[] logits = {-800, -3, 0, 3, 30, 800};
        GateRule softmax = GateRule.flat(6, 1, Score.SOFTMAX, false, 1);
        assertEquals(1, Arrays.stream(Gate.scores(gaussian(5, 6), softmax)).sum(), 1e-15);
        double[] root = Gate.scores(logits, GateRule.flat(6, 1, Score.SQRT_SOFTPLUS, false, 1));
        assertEquals(0, root[0]);
        assertEquals(Math.sqrt(Math.log(2)), root[2], 1e-15);
        assertEquals(Math.sqrt(800), root[5]);
        double[] sigmoid = Gate.scores(logits, rule);
        assertEquals(0, sigmoid[0]);
        assertEquals(1, sigmoid[1] + sigmoid[3], 1e-15);
        assertEquals(1, sigmoid[5]);
    }

    @Test
    void aHashedTokenOutsideTheTableHasNoExperts() {
        GateRule hashed = GateRule.flat(EXPERTS, 2, Score.SQRT_SOFTPLUS, true, 1);
        int[] table = {0, 5, 3, 99, 2, 1};
        double[] three = Arrays.copyOf(x, 3 * HIDDEN);
        Routing chosen =
                Gate.routeByHash(
                        three, matrix(2, EXPERTS, HIDDEN), new int[] {2, 1, 7}, table, hashed);
        assertArrayEquals(new int[] {2, 1, -1, -1, -1, -1}, chosen.indices());
        assertEquals(1, chosen.weights()[0] + chosen.weights()[1], 1e-15);
        assertClose(new double[4], Arrays.copyOfRange(chosen.weights(), 2, 6));
    }

    @Test
    void rulesThatCannotBeAreNamed() {
        assertThrows(
                IllegalArgumentException.class, () -> GateRule.flat(4, 5, Score.SIGMOID, true, 1));
        assertThrows(
                IllegalArgumentException.class,
                () -> new GateRule(6, 1, Score.SIGMOID, 4, 1, GroupScore.MAX, true, 1));
        assertThrows(
                IllegalArgumentException.class,
                () -> new GateRule(6, 4, Score.SIGMOID, 3, 1, GroupScore.MAX, true, 1));
    }

    @Test
    void dispatchGivesEveryLocalChoiceARowAndNoRowTwice() {
        int[] indices = {5, 0, -1, 2, 2, 3, 5, 4, 1, 9};
        Dispatch dispatch = Dispatch.of(indices, 2, 2, 3, 4);
        assertArrayEquals(new int[] {2, 1, 1}, dispatch.counts());
        assertArrayEquals(new int[] {0, 4, 8}, dispatch.segmentStart());
        assertArrayEquals(new int[] {2, 5, 9}, dispatch.segmentEnd());
        assertEquals(12, dispatch.rows());
        assertArrayEquals(
                new int[] {-1, -1, -1, 0, 1, 4, -1, 8, -1, -1}, dispatch.tokenTopkToPos());
        assertArrayEquals(
                new int[] {1, 2, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1}, dispatch.posToToken());
        assertArrayEquals(
                new int[] {3, 4, -1, -1, 5, -1, -1, -1, 7, -1, -1, -1}, dispatch.posToTokenTopk());
        assertArrayEquals(
                new int[] {0, 0, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1}, dispatch.posToExpert());
    }

    @Test
    void noTokensAndAllTokensOnOneExpertAreLegal() {
        assertEquals(0, Dispatch.of(new int[0], 2, 0, 3, 8).rows());
        Dispatch hot = Dispatch.of(new int[] {1, 1, 1}, 1, 0, 3, 1);
        assertArrayEquals(new int[] {0, 3, 0}, hot.counts());
        assertArrayEquals(new int[] {0, 0, 3}, hot.segmentStart());
        assertThrows(IllegalArgumentException.class, () -> Dispatch.of(new int[0], 1, 0, 1, 0));
    }

    @Test
    void dispatchedGroupedGemmsAndCombineMakeTheLayer() {
        MoeLayer layer = MoeLayer.whole(networks::get, EXPERTS, null);
        for (int alignment : new int[] {1, 4}) {
            Dispatch dispatch = Dispatch.of(routing.indices(), 3, 0, EXPERTS, alignment);
            double[] rows = dispatch.expand(x, HIDDEN);
            double[] gate =
                    grouped(rows, dispatch, networks.stream().map(FeedForward::gate).toList());
            double[] up = grouped(rows, dispatch, networks.stream().map(FeedForward::up).toList());
            double[] h = SwiGlu.forward(gate, up, SwiGlu.NO_LIMIT);
            double[] out = grouped(h, dispatch, networks.stream().map(FeedForward::down).toList());
            double[] y =
                    Combine.forward(out, dispatch.tokenTopkToPos(), routing.weights(), 3, HIDDEN);
            assertClose(layer.apply(x, routing, HIDDEN), y);
        }
    }

    @Test
    void theRanksOfAnExpertParallelGroupAddUpToTheLayer() {
        MoeLayer layer = MoeLayer.whole(networks::get, EXPERTS, network(50, 5)).withLimit(0.7);
        double[] sum = new double[x.length];
        for (int first = 0; first < EXPERTS; first += 2) {
            double[] part = layer.local(first, 2, first == 2).apply(x, routing, HIDDEN);
            sum = Axpby.apply(1, sum, 1, part);
        }
        assertClose(layer.apply(x, routing, HIDDEN), sum);
    }

    @Test
    void theWeightMayEnterBeforeOrAfterTheDownProjection() {
        MoeLayer after = MoeLayer.whole(networks::get, EXPERTS, network(50, 5)).withLimit(0.7);
        MoeLayer before = after.withPosition(WeightPosition.BEFORE_DOWN);
        assertClose(after.apply(x, routing, HIDDEN), before.apply(x, routing, HIDDEN));
    }

    @Test
    void combineAndDispatchGradientsMatchDifferences() {
        Dispatch dispatch = Dispatch.of(routing.indices(), 3, 1, 4, 2);
        double[] rows = gaussian(7, dispatch.rows(), HIDDEN);
        double[] dy = gaussian(8, TOKENS, HIDDEN);
        int[] positions = dispatch.tokenTopkToPos();
        Combine.Gradient gradient =
                Combine.backward(dy, rows, positions, routing.weights(), 3, HIDDEN);
        assertGradient(
                v -> dot(Combine.forward(v, positions, routing.weights(), 3, HIDDEN), dy),
                rows,
                gradient.dRows());
        assertGradient(
                v -> dot(Combine.forward(rows, positions, v, 3, HIDDEN), dy),
                routing.weights(),
                gradient.dWeights());
        double[] dRows = gaussian(9, dispatch.rows(), HIDDEN);
        assertGradient(
                v -> dot(dispatch.expand(v, HIDDEN), dRows),
                x,
                dispatch.expandBackward(dRows, HIDDEN, 3));
    }

    @Test
    void theBiasOfBusyExpertsSinks() {
        long[] loads = ExpertLoad.count(new int[] {0, 0, 0, 1, 1, 2, -1, 9}, 3);
        assertArrayEquals(new long[] {3, 2, 1}, loads);
        assertClose(
                new double[] {0.9, 1, 1.1}, RouterBias.update(new double[] {1, 1, 1}, loads, 0.1));
    }

    @Test
    void theBalanceLossIsAlphaWhereLoadsOrScoresAreEven() {
        int[] even = {0, 1, 2, 3};
        double[] scores = Arrays.stream(gaussian(10, 4, 4)).map(Math::abs).toArray();
        assertEquals(0.3, BalanceLoss.forward(scores, even, 4, 1, 0.3), 1e-14);
        assertEquals(
                0.3,
                BalanceLoss.forward(filled(16, 0.2), new int[] {0, 0, 0, 1}, 4, 1, 0.3),
                1e-14);
        int[] skewed = {0, 0, 2, 0};
        assertGradient(
                v -> BalanceLoss.forward(v, skewed, 4, 1, 0.3),
                scores,
                BalanceLoss.backward(scores, skewed, 4, 1, 0.3));
        double first = BalanceLoss.forward(Arrays.copyOf(scores, 4), new int[] {0}, 4, 1, 1);
        double rest =
                BalanceLoss.forward(
                        Arrays.copyOfRange(scores, 4, 16), new int[] {0, 2, 0}, 4, 1, 1);
        assertEquals(
                (first + rest) / 2,
                BalanceLoss.mean(scores, skewed, new int[] {0, 1, 1, 4}, 4, 1, 1),
                1e-14);
        assertEquals(0, BalanceLoss.mean(new double[0], new int[0], new int[] {0, 0}, 4, 1, 1));
    }

    @Test
    void onlyRoutedExpertsAreAskedFor() {
        Set<Integer> asked = new HashSet<>();
        MoeLayer layer =
                MoeLayer.whole(
                        e -> {
                            asked.add(e);
                            return networks.get(e);
                        },
                        EXPERTS,
                        null);
        Routing one = new Routing(1, 2, new int[] {4, -1}, new double[] {1, 0});
        double[] y = layer.apply(Arrays.copyOf(x, HIDDEN), one, HIDDEN);
        assertEquals(Set.of(4), asked);
        assertClose(networks.get(4).apply(Arrays.copyOf(x, HIDDEN), SwiGlu.NO_LIMIT), y);
        assertTrue(Arrays.stream(y).allMatch(Double::isFinite));
    }

    private static double[] grouped(double[] rows, Dispatch dispatch, List<Rows> weights) {
        return GroupedGemm.contiguous(
                rows, dispatch.segmentStart(), dispatch.segmentEnd(), weights);
    }

    private static FeedForward network(long seed, int inner) {
        return new FeedForward(
                matrix(seed, inner, HIDDEN),
                matrix(seed + 1, inner, HIDDEN),
                matrix(seed + 2, HIDDEN, inner));
    }

    private static double[] filled(int size, double value) {
        double[] array = new double[size];
        Arrays.fill(array, value);
        return array;
    }
}

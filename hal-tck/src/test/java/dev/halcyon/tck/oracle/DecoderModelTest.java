package dev.halcyon.tck.oracle;

import static dev.halcyon.tck.oracle.Numbers.assertClose;
import static dev.halcyon.tck.oracle.Numbers.gaussian;
import static dev.halcyon.tck.oracle.Numbers.matrix;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.tck.oracle.MlaLayer.Form;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;

class DecoderModelTest {
    private static final int HIDDEN = 6;
    private static final int VOCABULARY = 11;

    private final DecoderModel model =
            new DecoderModel(
                    matrix(1, VOCABULARY, HIDDEN),
                    List.of(layer(10, new Mlp.Dense(network(20, 5))), layer(30, experts())),
                    gaussian(2, HIDDEN),
                    1e-6,
                    matrix(3, VOCABULARY, HIDDEN));

    @Test
    void tokenByTokenGivesThePrefillsLogitsInBothForms() {
        int[] tokens = {3, 10, 0, 7, 7};
        double[] whole = model.new Sequence().forward(tokens, Form.NAIVE).logits();
        assertClose(whole, model.new Sequence().forward(tokens, Form.ABSORBED).logits());
        DecoderModel.Sequence sequence = model.new Sequence();
        for (int t = 0; t < tokens.length; t++) {
            double[] one = sequence.forward(new int[] {tokens[t]}, Form.ABSORBED).logits();
            assertClose(Arrays.copyOfRange(whole, t * VOCABULARY, (t + 1) * VOCABULARY), one);
        }
        assertEquals(tokens.length, sequence.length());
    }

    @Test
    void greedyContinuesWithTheLargestLogit() {
        DecoderModel.Generation generation = model.greedy(new int[] {4, 2}, 3);
        int[] continued = {4, 2, generation.tokens()[0], generation.tokens()[1]};
        double[] logits = model.new Sequence().forward(continued, Form.NAIVE).logits();
        int[] best = {
            Ranking.best(logits, VOCABULARY, VOCABULARY),
            Ranking.best(logits, 2 * VOCABULARY, VOCABULARY),
            Ranking.best(logits, 3 * VOCABULARY, VOCABULARY)
        };
        assertArrayEquals(best, generation.tokens());
    }

    @Test
    void anEmptyPromptIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> model.greedy(new int[0], 1));
    }

    private static Mlp experts() {
        GateRule rule =
                new GateRule(
                        4,
                        2,
                        GateRule.Score.SIGMOID,
                        2,
                        1,
                        GateRule.GroupScore.TOP2_SUM,
                        true,
                        2.5);
        List<FeedForward> networks =
                List.of(network(40, 3), network(43, 3), network(46, 3), network(49, 3));
        return new Mlp.Experts(
                matrix(52, 4, HIDDEN),
                gaussian(53, 4),
                rule,
                MoeLayer.whole(networks::get, 4, network(54, 3)));
    }

    private static FeedForward network(long seed, int inner) {
        return new FeedForward(
                matrix(seed, inner, HIDDEN),
                matrix(seed + 1, inner, HIDDEN),
                matrix(seed + 2, HIDDEN, inner));
    }

    private static DecoderLayer layer(long seed, Mlp mlp) {
        MlaShape shape = new MlaShape(HIDDEN, 2, 0, 5, 3, 2, 4);
        MlaWeights weights =
                new MlaWeights(
                        null,
                        null,
                        matrix(seed, 10, HIDDEN),
                        matrix(seed + 1, 7, HIDDEN),
                        gaussian(seed + 2, 5),
                        matrix(seed + 3, 14, 5),
                        matrix(seed + 4, HIDDEN, 8));
        RopeTable rope = RopeTable.of(2, 10_000, null);
        MlaLayer attention =
                new MlaLayer(shape, weights, rope, MlaLayer.softmaxScale(shape, null), 1e-6);
        return new DecoderLayer(
                gaussian(seed + 5, HIDDEN), attention, gaussian(seed + 6, HIDDEN), mlp, 1e-5);
    }
}

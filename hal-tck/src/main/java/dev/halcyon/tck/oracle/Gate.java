package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.stream.IntStream;

/// The router of a mixture-of-experts layer.
///
/// The bias takes part in the choice and never in the weights. Experts of dropped groups are no
/// candidates at all, whatever the sign of the scores. Source: DeepSeek-V3 inference/model.py,
/// `Gate`; for hash routing DeepSeek-V4 inference/model.py, `Gate`.
public final class Gate {
    /// Above this, `softplus(x)` is x, as in torch; without the limit the double result would
    /// differ from the reference by 2e-9.
    private static final double SOFTPLUS_THRESHOLD = 20;

    /// The margin of a choice that rejected nothing.
    private static final double NOTHING_REJECTED = 1e300;

    private Gate() {}

    /// Logits, scores and choice for every token.
    ///
    /// @param x `[tokens, hidden]`
    /// @param weight `[experts, hidden]`
    /// @param bias `[experts]` correction bias, or null
    public static Routing route(double[] x, Rows weight, double @Nullable [] bias, GateRule rule) {
        double[] logits = Linear.apply(x, weight);
        return choose(scores(logits, rule), bias, rule);
    }

    /// Hash routing: the experts are those that the table names for the token's id, the weights
    /// their scores.
    ///
    /// A token id outside the table, or an entry that is no expert, leaves the token without
    /// experts: indices -1, weights 0.
    ///
    /// @param tokenIds `[tokens]`
    /// @param table `[vocabulary, topK]` expert of each token id
    public static Routing routeByHash(
            double[] x, Rows weight, int[] tokenIds, int[] table, GateRule rule) {
        double[] scores = scores(Linear.apply(x, weight), rule);
        Shapes.require("scores", scores.length, tokenIds.length, rule.experts());
        int[] indices = new int[tokenIds.length * rule.topK()];
        int vocabulary = table.length / rule.topK();
        for (int token = 0; token < tokenIds.length; token++) {
            for (int k = 0; k < rule.topK(); k++) {
                int id = tokenIds[token];
                int expert = id >= 0 && id < vocabulary ? table[id * rule.topK() + k] : -1;
                indices[token * rule.topK() + k] = expert < rule.experts() ? expert : -1;
            }
        }
        return weigh(scores, indices, rule);
    }

    /// `[tokens, experts]` scores of the given logits.
    public static double[] scores(double[] logits, GateRule rule) {
        int tokens = Shapes.quotient("logits", logits.length, rule.experts());
        double[] scores = new double[logits.length];
        switch (rule.score()) {
            case SIGMOID -> Arrays.setAll(scores, i -> SwiGlu.sigmoid(logits[i]));
            case SQRT_SOFTPLUS -> Arrays.setAll(scores, i -> Math.sqrt(softplus(logits[i])));
            case SOFTMAX -> {
                for (int token = 0; token < tokens; token++) {
                    Softmax.apply(logits, token * rule.experts(), rule.experts(), scores);
                }
            }
        }
        return scores;
    }

    /// The choice from given scores: best groups, best experts of those by biased score, weights
    /// from unbiased scores.
    ///
    /// @param scores `[tokens, experts]`
    public static Routing choose(double[] scores, double @Nullable [] bias, GateRule rule) {
        int experts = rule.experts();
        int tokens = Shapes.quotient("scores", scores.length, experts);
        if (bias != null) {
            Shapes.require("bias", bias.length, experts);
        }
        int[] indices = new int[tokens * rule.topK()];
        for (int token = 0; token < tokens; token++) {
            double[] biased = biased(scores, token, bias, rule);
            boolean[] kept = keptGroups(biased, rule);
            int chosen = 0;
            for (int expert : Ranking.order(biased, 0, experts)) {
                if (kept[expert / rule.groupSize()] && chosen < rule.topK()) {
                    indices[token * rule.topK() + chosen++] = expert;
                }
            }
        }
        return weigh(scores, indices, rule);
    }

    /// How far a token's choice of experts is from changing: the biased score of the last chosen
    /// one minus that of the best rejected one in the kept groups; 1e300 where nothing was
    /// rejected.
    ///
    /// @param scores one token's `[experts]` scores
    public static double expertMargin(double[] scores, double @Nullable [] bias, GateRule rule) {
        double[] biased = biased(scores, 0, bias, rule);
        boolean[] kept = keptGroups(biased, rule);
        double[] candidates =
                IntStream.range(0, biased.length)
                        .filter(e -> kept[e / rule.groupSize()])
                        .mapToDouble(e -> biased[e])
                        .toArray();
        return marginAfter(candidates, rule.topK());
    }

    /// How far a token's choice of groups is from changing; 1e300 where no group was rejected.
    ///
    /// @param scores one token's `[experts]` scores
    public static double groupMargin(double[] scores, double @Nullable [] bias, GateRule rule) {
        return marginAfter(groupScores(biased(scores, 0, bias, rule), rule), rule.keptGroups());
    }

    private static double marginAfter(double[] scores, int chosen) {
        int[] order = Ranking.order(scores, 0, scores.length);
        return chosen >= order.length
                ? NOTHING_REJECTED
                : scores[order[chosen - 1]] - scores[order[chosen]];
    }

    private static double[] biased(
            double[] scores, int token, double @Nullable [] bias, GateRule rule) {
        double[] biased = new double[rule.experts()];
        for (int e = 0; e < biased.length; e++) {
            biased[e] = scores[token * biased.length + e] + (bias == null ? 0 : bias[e]);
        }
        return biased;
    }

    private static boolean[] keptGroups(double[] biased, GateRule rule) {
        boolean[] kept = new boolean[rule.groups()];
        int[] order = Ranking.order(groupScores(biased, rule), 0, rule.groups());
        for (int i = 0; i < rule.keptGroups(); i++) {
            kept[order[i]] = true;
        }
        return kept;
    }

    private static double[] groupScores(double[] biased, GateRule rule) {
        double[] groups = new double[rule.groups()];
        for (int g = 0; g < groups.length; g++) {
            int first = g * rule.groupSize();
            int[] order = Ranking.order(biased, first, rule.groupSize());
            groups[g] = biased[first + order[0]];
            if (rule.groupScore() == GateRule.GroupScore.TOP2_SUM && order.length > 1) {
                groups[g] += biased[first + order[1]];
            }
        }
        return groups;
    }

    private static Routing weigh(double[] scores, int[] indices, GateRule rule) {
        int topK = rule.topK();
        int tokens = indices.length / topK;
        double[] weights = new double[indices.length];
        for (int token = 0; token < tokens; token++) {
            if (Arrays.stream(indices, token * topK, (token + 1) * topK)
                    .anyMatch(index -> index < 0)) {
                Arrays.fill(indices, token * topK, (token + 1) * topK, -1);
                continue;
            }
            double sum = 0;
            for (int k = 0; k < topK; k++) {
                weights[token * topK + k] =
                        scores[token * rule.experts() + indices[token * topK + k]];
                sum += weights[token * topK + k];
            }
            double divisor = rule.normalise() ? sum + GateRule.SUM_FLOOR : 1;
            for (int k = 0; k < topK; k++) {
                weights[token * topK + k] = weights[token * topK + k] / divisor * rule.scale();
            }
        }
        return new Routing(tokens, topK, indices, weights);
    }

    private static double softplus(double x) {
        return x > SOFTPLUS_THRESHOLD ? x : Math.log1p(Math.exp(x));
    }
}

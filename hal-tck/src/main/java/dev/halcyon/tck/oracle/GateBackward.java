package dev.halcyon.tck.oracle;

/// The gradient of a router: from routing weights back to logits.
///
/// The choice is constant and the bias gets no gradient. With `R` the scale and `S` the sum of the
/// chosen scores, `ds_i = (R dw_i - Σ_j dw_j w_j) / S` for chosen experts if weights are
/// normalised, `R dw_i` if not, and 0 elsewhere; then `dl = ds s (1 - s)` (sigmoid), `ds sigmoid(l)
/// / (2 s)` (square root of softplus, 0 where s is 0), or `s (ds - Σ ds s)` (softmax).
public final class GateBackward {
    private GateBackward() {}

    /// The gradient with respect to the logits.
    ///
    /// @param dWeights `[tokens, topK]`
    /// @param logits `[tokens, experts]`
    /// @return `[tokens, experts]`
    public static double[] logits(
            double[] dWeights, double[] logits, Routing routing, GateRule rule) {
        Shapes.require("dWeights", dWeights.length, routing.tokens(), routing.topK());
        double[] scores = Gate.scores(logits, rule);
        double[] dLogits = new double[logits.length];
        for (int token = 0; token < routing.tokens(); token++) {
            double[] dScores = scoreGradient(dWeights, scores, routing, rule, token);
            int at = token * rule.experts();
            double mean = Dot.of(dScores, 0, scores, at, rule.experts());
            for (int e = 0; e < rule.experts(); e++) {
                double s = scores[at + e];
                dLogits[at + e] =
                        switch (rule.score()) {
                            case SIGMOID -> dScores[e] * s * (1 - s);
                            case SOFTMAX -> s * (dScores[e] - mean);
                            case SQRT_SOFTPLUS ->
                                    s == 0
                                            ? 0
                                            : dScores[e] * SwiGlu.sigmoid(logits[at + e]) / (2 * s);
                        };
            }
        }
        return dLogits;
    }

    private static double[] scoreGradient(
            double[] dWeights, double[] scores, Routing routing, GateRule rule, int token) {
        double sum = GateRule.SUM_FLOOR;
        double projected = 0;
        for (int k = token * routing.topK(); k < (token + 1) * routing.topK(); k++) {
            if (routing.indices()[k] >= 0) {
                sum += scores[token * rule.experts() + routing.indices()[k]];
                projected += dWeights[k] * routing.weights()[k];
            }
        }
        double[] dScores = new double[rule.experts()];
        for (int k = token * routing.topK(); k < (token + 1) * routing.topK(); k++) {
            if (routing.indices()[k] >= 0) {
                double direct = rule.scale() * dWeights[k];
                dScores[routing.indices()[k]] =
                        rule.normalise() ? (direct - projected) / sum : direct;
            }
        }
        return dScores;
    }
}

package dev.halcyon.tck.oracle;

/// How a router turns its logits into a choice of experts and their weights.
///
/// Sources: DeepSeek-V3 inference/model.py, `Gate`; DeepSeek-V4 inference/model.py, `Gate`;
/// TileKernels, `torch/topk.py`.
///
/// @param experts number of routed experts
/// @param topK experts per token
/// @param score how a logit becomes a score
/// @param groups number of expert groups; 1 means no group stage
/// @param keptGroups groups that a token may choose from
/// @param groupScore how a group is ranked
/// @param normalise whether the chosen scores are divided by their sum
/// @param scale factor on the weights
public record GateRule(
        int experts,
        int topK,
        Score score,
        int groups,
        int keptGroups,
        GroupScore groupScore,
        boolean normalise,
        double scale) {
    /// What is added to the sum of the chosen scores so that it may underflow without dividing zero
    /// by zero.
    public static final double SUM_FLOOR = 1e-20;

    /// The function from logit to score.
    public enum Score {
        /// `1 / (1 + exp(-l))`, each expert by itself.
        SIGMOID,
        /// `exp(l) / Σ exp(l)` over all experts.
        SOFTMAX,
        /// `sqrt(softplus(l))` with `softplus(l) = l` above 20, `log1p(exp(l))` otherwise.
        SQRT_SOFTPLUS
    }

    /// The score of a group of experts.
    public enum GroupScore {
        /// The sum of its two best biased scores (DeepSeek-V3).
        TOP2_SUM,
        /// Its best score (DeepSeek-V2).
        MAX
    }

    /// Checks that the numbers fit together.
    ///
    /// @throws IllegalArgumentException naming the number that does not
    public GateRule {
        if (experts < 1 || groups < 1 || experts % groups != 0) {
            throw new IllegalArgumentException(
                    "experts " + experts + " do not divide into " + groups + " groups");
        }
        if (keptGroups < 1 || keptGroups > groups) {
            throw new IllegalArgumentException(
                    "keptGroups must be 1 to " + groups + ", got " + keptGroups);
        }
        if (topK < 1 || topK > keptGroups * (experts / groups)) {
            throw new IllegalArgumentException(
                    "topK "
                            + topK
                            + " is not 1 to the "
                            + keptGroups * (experts / groups)
                            + " experts of "
                            + keptGroups
                            + " kept groups");
        }
    }

    /// A rule without groups.
    public static GateRule flat(
            int experts, int topK, Score score, boolean normalise, double scale) {
        return new GateRule(experts, topK, score, 1, 1, GroupScore.MAX, normalise, scale);
    }

    /// Experts in one group.
    public int groupSize() {
        return experts / groups;
    }
}

package dev.halcyon.checkpoint;

/// The mixture-of-experts part of a configuration. (Source: DeepSeek-V3 inference/model.py, Gate
/// and MoE.)
///
/// @param experts `n_routed_experts`
/// @param sharedExperts `n_shared_experts`, 0 for none; they are one MLP that many times as wide
/// @param topK `num_experts_per_tok`
/// @param intermediateSize `moe_intermediate_size`, of one expert
/// @param scoring `scoring_func`
/// @param selection `topk_method`
/// @param groups `n_group`, 1 where experts are not grouped
/// @param groupTopK `topk_group`, how many groups are kept
/// @param normalise `norm_topk_prob`, whether the chosen weights are divided by their sum
/// @param scale `routed_scaling_factor`
/// @param firstDenseLayers `first_k_dense_replace`, how many layers at the start have a dense MLP
/// @param layerFrequency `moe_layer_freq`, of the others every so manieth has experts
public record MoeConfig(
        int experts,
        int sharedExperts,
        int topK,
        int intermediateSize,
        Scoring scoring,
        Selection selection,
        int groups,
        int groupTopK,
        boolean normalise,
        double scale,
        int firstDenseLayers,
        int layerFrequency) {
    /// How logits become scores.
    public enum Scoring {
        /// Over all experts.
        SOFTMAX("softmax"),
        /// Each expert by itself.
        SIGMOID("sigmoid");

        private final String key;

        Scoring(String key) {
            this.key = key;
        }

        /// The value of `scoring_func`.
        public String key() {
            return key;
        }
    }

    /// How experts are chosen by their scores.
    public enum Selection {
        /// The best scores.
        GREEDY("greedy"),
        /// The best scores within the groups whose best expert scores highest.
        GROUP_LIMITED_GREEDY("group_limited_greedy"),
        /// The best scores plus correction bias within the groups whose two best experts score
        /// highest together.
        NOAUX_TC("noaux_tc");

        private final String key;

        Selection(String key) {
            this.key = key;
        }

        /// The value of `topk_method`.
        public String key() {
            return key;
        }

        /// Whether each gate has an `e_score_correction_bias`.
        public boolean biased() {
            return this == NOAUX_TC;
        }
    }

    /// @throws IllegalArgumentException if a number is out of bounds or the numbers do not fit each
    ///   other
    public MoeConfig {
        ConfigBounds.check("n_routed_experts", experts, 1, ConfigBounds.MOST_EXPERTS);
        ConfigBounds.check("n_shared_experts", sharedExperts, 0, ConfigBounds.MOST_EXPERTS);
        ConfigBounds.check("num_experts_per_tok", topK, 1, experts);
        ConfigBounds.width("moe_intermediate_size", intermediateSize);
        ConfigBounds.check(
                "n_shared_experts * moe_intermediate_size",
                (long) sharedExperts * intermediateSize,
                0,
                ConfigBounds.MOST_ROWS);
        ConfigBounds.check("n_group", groups, 1, experts);
        ConfigBounds.check("topk_group", groupTopK, 1, groups);
        if (experts % groups != 0) {
            throw new IllegalArgumentException(
                    "n_routed_experts is " + experts + ", not divisible by n_group " + groups);
        }
        int kept = experts / groups * groupTopK;
        if (selection != Selection.GREEDY && topK > kept) {
            throw new IllegalArgumentException(
                    "num_experts_per_tok is "
                            + topK
                            + ", but topk_group "
                            + groupTopK
                            + " of "
                            + groups
                            + " groups leave only "
                            + kept
                            + " experts to choose from");
        }
        if (selection == Selection.NOAUX_TC && groups > 1 && experts / groups < 2) {
            throw new IllegalArgumentException(
                    "n_group is "
                            + groups
                            + " for "
                            + experts
                            + " experts, but noaux_tc ranks groups by two experts each");
        }
        ConfigBounds.number("routed_scaling_factor", scale, 0, 1e6);
        ConfigBounds.check("first_k_dense_replace", firstDenseLayers, 0, ConfigBounds.MOST_LAYERS);
        ConfigBounds.check("moe_layer_freq", layerFrequency, 1, ConfigBounds.MOST_LAYERS);
    }

    /// Whether layer `layer`, counted from 0, has experts rather than a dense MLP.
    public boolean has(int layer) {
        return layer >= firstDenseLayers && layer % layerFrequency == 0;
    }
}

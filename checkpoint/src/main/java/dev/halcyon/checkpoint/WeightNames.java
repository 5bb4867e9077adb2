package dev.halcyon.checkpoint;

/// The official names of a model's weights, the same for every family read here.
///
/// @param prefix what stands before every name: nothing, or `language_model.` in Kimi-K2.5
///   checkpoints
public record WeightNames(String prefix) {
    private static final String WRAPPED_PREFIX = "language_model.";

    /// The names as the checkpoint in `folder` has them.
    public static WeightNames in(CheckpointFolder folder) {
        WeightNames wrapped = new WeightNames(WRAPPED_PREFIX);
        return folder.contains(wrapped.embedding()) ? wrapped : new WeightNames("");
    }

    /// The token embedding, [vocabulary, hidden].
    public String embedding() {
        return prefix + "model.embed_tokens.weight";
    }

    /// The norm after the last layer, `[hidden]`.
    public String finalNorm() {
        return prefix + "model.norm.weight";
    }

    /// The output projection, [vocabulary, hidden]; absent where embeddings are tied.
    public String head() {
        return prefix + "lm_head.weight";
    }

    /// The names within layer `layer`, counted from 0.
    public Layer layer(int layer) {
        return new Layer(prefix + "model.layers." + layer + ".");
    }

    /// The block scales of an FP8 weight.
    public static String blockScales(String weight) {
        return weight + "_scale_inv";
    }

    /// The words of a packed 4-bit weight, where `weight` would be its name unpacked.
    public static String packedWords(String weight) {
        return weight + "_packed";
    }

    /// The group scales of a packed 4-bit weight.
    public static String packedScales(String weight) {
        return weight + "_scale";
    }

    /// The two dimensions of a packed 4-bit weight.
    public static String packedShape(String weight) {
        return weight + "_shape";
    }

    /// The module that `weight` belongs to, by which quantisation settings name it.
    ///
    /// @throws IllegalArgumentException if the name does not end in `.weight`
    public static String module(String weight) {
        if (!weight.endsWith(".weight")) {
            throw new IllegalArgumentException(Quoted.text(weight) + " does not end in .weight");
        }
        return weight.substring(0, weight.length() - ".weight".length());
    }

    /// The names within one decoder layer.
    ///
    /// @param prefix what stands before every name of the layer
    public record Layer(String prefix) {
        /// The norm before attention, `[hidden]`.
        public String attentionNorm() {
            return prefix + "input_layernorm.weight";
        }

        /// The norm before the MLP or the experts, `[hidden]`.
        public String mlpNorm() {
            return prefix + "post_attention_layernorm.weight";
        }

        /// Queries straight from the hidden state, [heads * (nope + rope), hidden]; only without a
        /// query latent.
        public String query() {
            return prefix + "self_attn.q_proj.weight";
        }

        /// Hidden state to query latent, [query latent, hidden].
        public String queryLatent() {
            return prefix + "self_attn.q_a_proj.weight";
        }

        /// The norm of the query latent, [query latent].
        public String queryLatentNorm() {
            return prefix + "self_attn.q_a_layernorm.weight";
        }

        /// Query latent to queries, [heads * (nope + rope), query latent].
        public String queryFromLatent() {
            return prefix + "self_attn.q_b_proj.weight";
        }

        /// Hidden state to latent and rotated key, [latent + rope, hidden].
        public String latentAndRopeKey() {
            return prefix + "self_attn.kv_a_proj_with_mqa.weight";
        }

        /// The norm of the latent, `[latent]`.
        public String latentNorm() {
            return prefix + "self_attn.kv_a_layernorm.weight";
        }

        /// Latent to keys and values, [heads * (nope + value), latent].
        public String keyAndValue() {
            return prefix + "self_attn.kv_b_proj.weight";
        }

        /// Attention output to hidden state, [hidden, heads * value].
        public String attentionOutput() {
            return prefix + "self_attn.o_proj.weight";
        }

        /// The dense MLP.
        public Mlp dense() {
            return new Mlp(prefix + "mlp.");
        }

        /// The gate, [experts, hidden].
        public String gate() {
            return prefix + "mlp.gate.weight";
        }

        /// The gate's correction bias, `[experts]`; only with the selection method `noaux_tc`.
        public String gateBias() {
            return prefix + "mlp.gate.e_score_correction_bias";
        }

        /// Routed expert `expert`.
        public Mlp expert(int expert) {
            return new Mlp(prefix + "mlp.experts." + expert + ".");
        }

        /// The shared experts, one MLP.
        public Mlp sharedExperts() {
            return new Mlp(prefix + "mlp.shared_experts.");
        }
    }

    /// The names within one gated MLP.
    ///
    /// @param prefix what stands before the three names
    public record Mlp(String prefix) {
        /// The projection that passes through the activation, [intermediate, hidden].
        public String gate() {
            return prefix + "gate_proj.weight";
        }

        /// The other projection, [intermediate, hidden].
        public String up() {
            return prefix + "up_proj.weight";
        }

        /// Back to the hidden state, [hidden, intermediate].
        public String down() {
            return prefix + "down_proj.weight";
        }
    }
}

package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

/// The dimensions of multi-head latent attention. (Source: DeepSeek-V3 inference/model.py, MLA.)
///
/// @param heads `num_attention_heads`
/// @param queryLatentDim `q_lora_rank`, or null where queries are projected from the hidden state
///   directly
/// @param latentDim `kv_lora_rank`, the cached latent
/// @param nopeDim `qk_nope_head_dim`, the part of a head's query and key without position
/// @param ropeDim `qk_rope_head_dim`, the rotated part, shared by all heads' keys; even
/// @param valueDim `v_head_dim`
public record AttentionConfig(
        int heads,
        @Nullable Integer queryLatentDim,
        int latentDim,
        int nopeDim,
        int ropeDim,
        int valueDim) {
    /// The epsilon of the two latent norms, which the reference code takes from the norm's default
    /// and not from `rms_norm_eps`.
    public static final double LATENT_NORM_EPS = 1e-6;

    /// @throws IllegalArgumentException if a dimension is out of bounds
    public AttentionConfig {
        ConfigBounds.check("num_attention_heads", heads, 1, ConfigBounds.MOST_HEADS);
        if (queryLatentDim != null) {
            ConfigBounds.width("q_lora_rank", queryLatentDim);
        }
        ConfigBounds.width("kv_lora_rank", latentDim);
        ConfigBounds.headDim("qk_nope_head_dim", nopeDim);
        ConfigBounds.headDim("qk_rope_head_dim", ropeDim);
        ConfigBounds.headDim("v_head_dim", valueDim);
        if (ropeDim % 2 != 0) {
            throw new IllegalArgumentException(
                    "qk_rope_head_dim is "
                            + ropeDim
                            + ", an odd number cannot be rotated in pairs");
        }
        ConfigBounds.check(
                "num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)",
                (long) heads * (nopeDim + ropeDim),
                1,
                ConfigBounds.MOST_ROWS);
        ConfigBounds.check(
                "num_attention_heads * (qk_nope_head_dim + v_head_dim)",
                (long) heads * (nopeDim + valueDim),
                1,
                ConfigBounds.MOST_ROWS);
    }

    /// The width of one head's query: the part without position, then the rotated part.
    public int queryDim() {
        return nopeDim + ropeDim;
    }

    /// Whether queries pass through a latent of their own.
    public boolean hasQueryLatent() {
        return queryLatentDim != null;
    }
}

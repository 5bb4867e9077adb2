package dev.halcyon.engine;

import dev.halcyon.checkpoint.AttentionConfig;
import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.ModelFamily;
import dev.halcyon.checkpoint.MoeConfig;
import dev.halcyon.checkpoint.MoeConfig.Scoring;
import dev.halcyon.checkpoint.MoeConfig.Selection;
import dev.halcyon.checkpoint.Quantization;
import dev.halcyon.checkpoint.RopeConfig;
import dev.halcyon.checkpoint.YarnConfig;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Configurations with everything that is peculiar to a published model, and small dimensions:
/// three layers, the first of them dense.
final class TinyConfigs {
    static final int VOCABULARY = 96;
    static final Quantization PLAIN = new Quantization.Unquantized();
    private static final RopeConfig EXTENDED =
            new RopeConfig(10_000, new YarnConfig(40, 4096, 32, 1, 1, 1));

    private TinyConfigs() {}

    /// Queries without a latent, softmax over ungrouped experts whose weights are not normalised,
    /// two shared experts.
    static ModelConfig deepSeekV2Lite() {
        MoeConfig moe =
                new MoeConfig(8, 2, 3, 16, Scoring.SOFTMAX, Selection.GREEDY, 1, 1, false, 1, 1, 1);
        RopeConfig rope = new RopeConfig(10_000, new YarnConfig(40, 4096, 32, 1, 0.707, 0.707));
        return config(ModelFamily.DEEPSEEK_V2, null, rope, moe, PLAIN, 0);
    }

    /// Groups ranked by their best expert, weights scaled by 16.
    static ModelConfig deepSeekV2() {
        MoeConfig moe =
                new MoeConfig(
                        8,
                        2,
                        3,
                        16,
                        Scoring.SOFTMAX,
                        Selection.GROUP_LIMITED_GREEDY,
                        4,
                        2,
                        false,
                        16,
                        1,
                        1);
        RopeConfig rope = new RopeConfig(10_000, new YarnConfig(40, 4096, 32, 1, 0.707, 0.707));
        return config(ModelFamily.DEEPSEEK_V2, 24, rope, moe, PLAIN, 0);
    }

    /// The V3 family without query latent, groups or YaRN.
    static ModelConfig moonlight() {
        MoeConfig moe =
                new MoeConfig(
                        8, 2, 3, 16, Scoring.SIGMOID, Selection.NOAUX_TC, 1, 1, true, 2.446, 1, 1);
        return config(ModelFamily.DEEPSEEK_V3, null, new RopeConfig(50_000, null), moe, PLAIN, 0);
    }

    /// Biased sigmoid gate, groups ranked by their two best, one layer for multi-token prediction.
    static ModelConfig deepSeekV3(Quantization quantization) {
        MoeConfig moe =
                new MoeConfig(
                        8, 1, 3, 16, Scoring.SIGMOID, Selection.NOAUX_TC, 4, 2, true, 2.5, 1, 1);
        return config(ModelFamily.DEEPSEEK_V3, 24, EXTENDED, moe, quantization, 1);
    }

    /// One group, and YaRN with equal betas, so that its ramp is a step.
    static ModelConfig kimiK2(Quantization quantization) {
        MoeConfig moe =
                new MoeConfig(
                        12, 1, 3, 16, Scoring.SIGMOID, Selection.NOAUX_TC, 1, 1, true, 2.827, 1, 1);
        RopeConfig rope = new RopeConfig(50_000, new YarnConfig(32, 4096, 1, 1, 1, 1));
        return config(ModelFamily.KIMI_K2, 24, rope, moe, quantization, 0);
    }

    /// Packed experts, everything else as it is: the patterns are the published ones.
    static Quantization packedExperts() {
        return new Quantization.PackedInt4(
                8,
                List.of(
                        "lm_head",
                        "re:.*self_attn.*",
                        "re:.*shared_experts.*",
                        "re:.*mlp\\.(gate|up|gate_up|down)_proj.*"));
    }

    private static ModelConfig config(
            ModelFamily family,
            @Nullable Integer queryLatentDim,
            RopeConfig rope,
            MoeConfig moe,
            Quantization quantization,
            int predictionLayers) {
        return new ModelConfig(
                family,
                40,
                3,
                VOCABULARY,
                4096,
                56,
                1e-6,
                ElementType.BF16,
                false,
                predictionLayers,
                new AttentionConfig(3, queryLatentDim, 32, 12, 8, 16),
                rope,
                moe,
                List.of(0),
                List.of(1),
                quantization);
    }

    static ModelConfig with(ModelConfig c, ElementType type, boolean tied, int maxPositions) {
        return changed(c, type, tied, maxPositions, c.vocabularySize());
    }

    static ModelConfig withVocabulary(ModelConfig c, int vocabulary) {
        return changed(c, c.type(), c.tiedEmbeddings(), c.maxPositions(), vocabulary);
    }

    private static ModelConfig changed(
            ModelConfig c, ElementType type, boolean tied, int maxPositions, int vocabulary) {
        return new ModelConfig(
                c.family(),
                c.hiddenSize(),
                c.layers(),
                vocabulary,
                maxPositions,
                c.intermediateSize(),
                c.rmsNormEps(),
                type,
                tied,
                c.predictionLayers(),
                c.attention(),
                c.rope(),
                c.moe(),
                c.beginTokens(),
                c.endTokens(),
                c.quantization());
    }
}

package dev.halcyon.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// What a Hugging Face `config.json` says about a model of the families in [ModelFamily]; already
/// checked for consistency.
///
/// `kimi_k25` files are read through their `text_config`. Unknown keys are ignored. Dimensions have
/// to be there; a key that the families' own configuration classes leave out when writing may be
/// missing and then has their default.
///
/// @param family `model_type`
/// @param hiddenSize `hidden_size`
/// @param layers `num_hidden_layers`, without those for multi-token prediction
/// @param vocabularySize `vocab_size`
/// @param maxPositions `max_position_embeddings`
/// @param intermediateSize `intermediate_size`, of a dense layer's MLP
/// @param rmsNormEps `rms_norm_eps`; the latent norms have [AttentionConfig#LATENT_NORM_EPS]
/// @param type `torch_dtype`, what unquantised weights are stored in
/// @param tiedEmbeddings `tie_word_embeddings`, whether the head is the embedding table
/// @param predictionLayers `num_nextn_predict_layers`, for multi-token prediction, stored after the
///   others
/// @param attention the latent attention
/// @param rope the rotary positions
/// @param moe the experts
/// @param beginTokens `bos_token_id`, possibly none
/// @param endTokens `eos_token_id`, possibly none or several
/// @param quantization `quantization_config`
public record ModelConfig(
        ModelFamily family,
        int hiddenSize,
        int layers,
        int vocabularySize,
        int maxPositions,
        int intermediateSize,
        double rmsNormEps,
        ElementType type,
        boolean tiedEmbeddings,
        int predictionLayers,
        AttentionConfig attention,
        RopeConfig rope,
        MoeConfig moe,
        List<Integer> beginTokens,
        List<Integer> endTokens,
        Quantization quantization) {
    /// Lists of 60,000 ignored modules exist; beyond this it is not a configuration.
    static final int MOST_FILE_BYTES = 16 << 20;

    /// @throws IllegalArgumentException if a number is out of bounds or the parts do not fit each
    ///   other
    public ModelConfig {
        ConfigBounds.width("hidden_size", hiddenSize);
        ConfigBounds.check("num_hidden_layers", layers, 1, ConfigBounds.MOST_LAYERS);
        ConfigBounds.check("vocab_size", vocabularySize, 1, ConfigBounds.MOST_VOCABULARY);
        ConfigBounds.check("max_position_embeddings", maxPositions, 1, ConfigBounds.MOST_POSITIONS);
        ConfigBounds.width("intermediate_size", intermediateSize);
        ConfigBounds.number("rms_norm_eps", rmsNormEps, 0, 1);
        switch (type) {
            case F64, F32, F16, BF16 -> {}
            default ->
                    throw new IllegalArgumentException(
                            "torch_dtype is "
                                    + type
                                    + ", not a floating-point type of 16 bits or more");
        }
        ConfigBounds.check(
                "num_nextn_predict_layers", predictionLayers, 0, ConfigBounds.MOST_LAYERS);
        beginTokens = tokens("bos_token_id", beginTokens, vocabularySize);
        endTokens = tokens("eos_token_id", endTokens, vocabularySize);
        if (quantization instanceof Quantization.PackedInt4 packed) {
            requireWholeGroups(packed.groupSize(), "hidden_size", hiddenSize);
            requireWholeGroups(packed.groupSize(), "moe_intermediate_size", moe.intermediateSize());
        }
    }

    private static List<Integer> tokens(String key, List<Integer> ids, int vocabularySize) {
        for (int id : ids) {
            ConfigBounds.check(key, id, 0, vocabularySize - 1L);
        }
        return List.copyOf(ids);
    }

    private static void requireWholeGroups(int groupSize, String key, int value) {
        if (value % groupSize != 0) {
            throw new IllegalArgumentException(
                    key
                            + " is "
                            + value
                            + ", not a multiple of the quantisation's group_size "
                            + groupSize);
        }
    }

    /// Reads `file`, usually named `config.json`.
    ///
    /// @throws CheckpointException if it cannot be read or anything in it is missing, of the wrong
    ///   type, out of bounds or not supported
    public static ModelConfig read(Path file) {
        return parse(file.toString(), BoundedFile.read(file, MOST_FILE_BYTES));
    }

    /// Reads the text of a `config.json`, which messages call `source`.
    ///
    /// @throws CheckpointException as for [#read(Path)]
    public static ModelConfig parse(String source, String json) {
        return parse(source, json.getBytes(StandardCharsets.UTF_8));
    }

    static ModelConfig parse(String source, byte[] json) {
        return new ConfigReader(source).read(StrictJson.object(source, "configuration", json));
    }

    /// Whether layer `layer`, counted from 0, has experts rather than a dense MLP.
    public boolean hasExperts(int layer) {
        return moe.has(layer);
    }

    /// The factor on the logits of attention: `(nope + rope)^-1/2`, times the square of YaRN's
    /// magnitude.
    ///
    /// (Source: DeepSeek-V3 inference/model.py, MLA.)
    public double softmaxScale() {
        return rope.softmaxMagnitude() / Math.sqrt(attention.queryDim());
    }

    /// The configuration as the text of a `config.json`, which [#parse(String, String)] reads back
    /// to an equal object.
    public String toJson() {
        return ConfigWriter.json(this);
    }

    /// Writes the configuration to `file`.
    ///
    /// @throws CheckpointException if the disk refuses
    public void write(Path file) {
        try {
            Files.writeString(file, toJson());
        } catch (IOException e) {
            throw new CheckpointException(
                    file.toString(),
                    "cannot be written: " + e,
                    "check the folder, its permissions and the free space",
                    e);
        }
    }
}

package dev.halcyon.checkpoint;

import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Turns a [ModelConfig] into a `config.json` with the keys that published checkpoints have.
final class ConfigWriter {
    /// The names of the types that unquantised weights may have.
    static final Map<ElementType, String> TYPE_NAMES =
            new EnumMap<>(
                    Map.of(
                            ElementType.F64, "float64",
                            ElementType.F32, "float32",
                            ElementType.F16, "float16",
                            ElementType.BF16, "bfloat16"));

    private static final JsonMapper MAPPER = new JsonMapper();

    private ConfigWriter() {}

    static Optional<ElementType> typeNamed(String name) {
        String bare = name.startsWith("torch.") ? name.substring("torch.".length()) : name;
        return TYPE_NAMES.entrySet().stream()
                .filter(entry -> entry.getValue().equals(bare))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    static String json(ModelConfig config) {
        ObjectNode json = MAPPER.createObjectNode();
        json.putArray("architectures")
                .add(
                        config.family() == ModelFamily.DEEPSEEK_V2
                                ? "DeepseekV2ForCausalLM"
                                : "DeepseekV3ForCausalLM");
        json.put("model_type", config.family().modelType());
        json.put("hidden_act", "silu");
        json.put("attention_bias", false);
        json.put("hidden_size", config.hiddenSize());
        json.put("num_hidden_layers", config.layers());
        json.put("vocab_size", config.vocabularySize());
        json.put("max_position_embeddings", config.maxPositions());
        json.put("intermediate_size", config.intermediateSize());
        json.put("rms_norm_eps", config.rmsNormEps());
        json.put("torch_dtype", TYPE_NAMES.get(config.type()));
        json.put("tie_word_embeddings", config.tiedEmbeddings());
        json.put("num_nextn_predict_layers", config.predictionLayers());
        tokens(json, "bos_token_id", config.beginTokens());
        tokens(json, "eos_token_id", config.endTokens());
        attention(json, config.attention());
        rope(json, config.rope());
        moe(json, config.moe());
        quantization(json, config.quantization());
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
    }

    private static void tokens(ObjectNode json, String key, List<Integer> ids) {
        switch (ids.size()) {
            case 0 -> json.putNull(key);
            case 1 -> json.put(key, ids.getFirst());
            default -> {
                ArrayNode array = json.putArray(key);
                ids.forEach(array::add);
            }
        }
    }

    private static void attention(ObjectNode json, AttentionConfig attention) {
        json.put("num_attention_heads", attention.heads());
        json.put("num_key_value_heads", attention.heads());
        json.put("q_lora_rank", attention.queryLatentDim());
        json.put("kv_lora_rank", attention.latentDim());
        json.put("qk_nope_head_dim", attention.nopeDim());
        json.put("qk_rope_head_dim", attention.ropeDim());
        json.put("v_head_dim", attention.valueDim());
    }

    private static void rope(ObjectNode json, RopeConfig rope) {
        json.put("rope_theta", rope.theta());
        YarnConfig yarn = rope.yarn();
        if (yarn == null) {
            json.putNull("rope_scaling");
            return;
        }
        json.putObject("rope_scaling")
                .put("type", "yarn")
                .put("factor", yarn.factor())
                .put("original_max_position_embeddings", yarn.originalPositions())
                .put("beta_fast", yarn.betaFast())
                .put("beta_slow", yarn.betaSlow())
                .put("mscale", yarn.mscale())
                .put("mscale_all_dim", yarn.mscaleAllDim());
    }

    private static void moe(ObjectNode json, MoeConfig moe) {
        json.put("n_routed_experts", moe.experts());
        json.put("n_shared_experts", moe.sharedExperts());
        json.put("num_experts_per_tok", moe.topK());
        json.put("moe_intermediate_size", moe.intermediateSize());
        json.put("scoring_func", moe.scoring().key());
        json.put("topk_method", moe.selection().key());
        json.put("n_group", moe.groups());
        json.put("topk_group", moe.groupTopK());
        json.put("norm_topk_prob", moe.normalise());
        json.put("routed_scaling_factor", moe.scale());
        json.put("first_k_dense_replace", moe.firstDenseLayers());
        json.put("moe_layer_freq", moe.layerFrequency());
    }

    private static void quantization(ObjectNode json, Quantization quantization) {
        switch (quantization) {
            case Quantization.Unquantized none -> {}
            case Quantization.Fp8Blocks fp8 -> {
                ObjectNode object = json.putObject("quantization_config");
                object.put("quant_method", "fp8");
                object.put("fmt", "e4m3");
                object.put("activation_scheme", "dynamic");
                object.putArray("weight_block_size").add(fp8.blockRows()).add(fp8.blockColumns());
                if (fp8.powerOfTwoScales()) {
                    object.put("scale_fmt", "ue8m0");
                }
            }
            case Quantization.PackedInt4 int4 -> {
                ObjectNode object = json.putObject("quantization_config");
                object.put("quant_method", "compressed-tensors");
                object.put("format", "pack-quantized");
                ObjectNode group = object.putObject("config_groups").putObject("group_0");
                group.putNull("input_activations");
                group.putArray("targets").add("Linear");
                group.putObject("weights")
                        .put("num_bits", 4)
                        .put("type", "int")
                        .put("strategy", "group")
                        .put("symmetric", true)
                        .put("group_size", int4.groupSize());
                ArrayNode ignore = object.putArray("ignore");
                int4.ignore().forEach(ignore::add);
            }
        }
    }
}

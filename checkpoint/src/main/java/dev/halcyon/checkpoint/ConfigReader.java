package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

import tools.jackson.databind.node.ObjectNode;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Turns a `config.json` into a [ModelConfig].
///
/// Defaults, from the families' own configuration classes, for keys that those classes do not write
/// or that old files lack: `hidden_act` silu, `attention_bias` false, `tie_word_embeddings` false,
/// `num_nextn_predict_layers` 0, `moe_layer_freq` 1, `n_shared_experts` 0, `torch_dtype` bfloat16;
/// `scoring_func` and `topk_method` softmax and greedy for deepseek_v2, sigmoid and noaux_tc for
/// the others; `n_group` and `topk_group` 1 where the method is greedy.
final class ConfigReader {
    private static final String WRAPPER_TYPE = "kimi_k25";

    private final String source;

    ConfigReader(String source) {
        this.source = source;
    }

    ModelConfig read(ObjectNode root) {
        ConfigObject outer = new ConfigObject(source, "", root);
        try {
            if (outer.text("model_type").equals(WRAPPER_TYPE)) {
                return model(outer.requiredObject("text_config"), outer);
            }
            return model(outer, outer);
        } catch (IllegalArgumentException e) {
            // The records check what they hold; here it becomes clear which file they were told by.
            throw new CheckpointException(
                    source,
                    String.valueOf(e.getMessage()),
                    "correct the file or fetch it again",
                    e);
        }
    }

    private ModelConfig model(ConfigObject json, ConfigObject outer) {
        String modelType = json.text("model_type");
        ModelFamily family =
                ModelFamily.of(modelType)
                        .orElseThrow(
                                () ->
                                        json.unsupported(
                                                "model_type",
                                                Quoted.text(modelType),
                                                ModelFamily.known() + " and " + WRAPPER_TYPE));
        require(json, "hidden_act", json.optionalText("hidden_act").orElse("silu"), "silu");
        if (json.flag("attention_bias", false)) {
            throw json.unsupported("attention_bias", "true", "false, projections without bias");
        }
        ConfigObject quantization =
                json.object("quantization_config")
                        .or(() -> outer.object("quantization_config"))
                        .orElse(null);
        return new ModelConfig(
                family,
                json.integer("hidden_size"),
                json.integer("num_hidden_layers"),
                json.integer("vocab_size"),
                json.integer("max_position_embeddings"),
                json.integer("intermediate_size"),
                json.number("rms_norm_eps"),
                type(json, outer),
                json.flag("tie_word_embeddings", false),
                json.integer("num_nextn_predict_layers", 0),
                attention(json),
                rope(json),
                moe(json, family),
                json.integers("bos_token_id"),
                json.integers("eos_token_id"),
                quantization(quantization));
    }

    private static AttentionConfig attention(ConfigObject json) {
        // Missing and null mean different things to the library: its default is 1536, while null is
        // "no query latent".
        if (!json.states("q_lora_rank")) {
            throw json.missing(
                    "q_lora_rank", "an integer, or null explicitly where queries have no latent");
        }
        return new AttentionConfig(
                json.integer("num_attention_heads"),
                json.optionalInteger("q_lora_rank").orElse(null),
                json.integer("kv_lora_rank"),
                json.integer("qk_nope_head_dim"),
                json.integer("qk_rope_head_dim"),
                json.integer("v_head_dim"));
    }

    private static RopeConfig rope(ConfigObject json) {
        // rope_parameters is where newer versions of the library keep both keys.
        Optional<ConfigObject> merged = json.object("rope_parameters");
        Optional<ConfigObject> scaling = json.object("rope_scaling");
        double theta =
                merged.flatMap(both -> both.optionalNumber("rope_theta"))
                        .orElseGet(() -> json.number("rope_theta"));
        if (scaling.isPresent()) {
            return new RopeConfig(
                    theta,
                    yarn(scaling.get(), scaling.get().states("rope_type") ? "rope_type" : "type"));
        }
        if (merged.isPresent() && merged.get().states("rope_type")) {
            return new RopeConfig(theta, yarn(merged.get(), "rope_type"));
        }
        return new RopeConfig(theta, null);
    }

    private static @Nullable YarnConfig yarn(ConfigObject json, String typeKey) {
        String type = json.text(typeKey);
        return switch (type) {
            case "default" -> null;
            case "yarn" ->
                    new YarnConfig(
                            json.number("factor"),
                            json.integer(
                                    "original_max_position_embeddings",
                                    YarnConfig.DEFAULT_ORIGINAL_POSITIONS),
                            json.number("beta_fast", YarnConfig.DEFAULT_BETA_FAST),
                            json.number("beta_slow", YarnConfig.DEFAULT_BETA_SLOW),
                            json.number("mscale", YarnConfig.DEFAULT_MSCALE),
                            json.number("mscale_all_dim", YarnConfig.DEFAULT_MSCALE_ALL_DIM));
            default -> throw json.unsupported(typeKey, Quoted.text(type), "yarn and default");
        };
    }

    private static MoeConfig moe(ConfigObject json, ModelFamily family) {
        boolean v2 = family == ModelFamily.DEEPSEEK_V2;
        MoeConfig.Scoring scoring =
                choice(
                        json,
                        "scoring_func",
                        MoeConfig.Scoring.values(),
                        MoeConfig.Scoring::key,
                        v2 ? MoeConfig.Scoring.SOFTMAX : MoeConfig.Scoring.SIGMOID);
        MoeConfig.Selection selection =
                choice(
                        json,
                        "topk_method",
                        MoeConfig.Selection.values(),
                        MoeConfig.Selection::key,
                        v2 ? MoeConfig.Selection.GREEDY : MoeConfig.Selection.NOAUX_TC);
        boolean greedy = selection == MoeConfig.Selection.GREEDY;
        return new MoeConfig(
                json.integer("n_routed_experts"),
                json.integer("n_shared_experts", 0),
                json.integer("num_experts_per_tok"),
                json.integer("moe_intermediate_size"),
                scoring,
                selection,
                greedy ? json.integer("n_group", 1) : json.integer("n_group"),
                greedy ? json.integer("topk_group", 1) : json.integer("topk_group"),
                json.flag("norm_topk_prob"),
                json.number("routed_scaling_factor"),
                json.integer("first_k_dense_replace"),
                json.integer("moe_layer_freq", 1));
    }

    private static <E> E choice(
            ConfigObject json, String key, E[] values, Function<E, String> name, E otherwise) {
        Optional<String> stated = json.optionalText(key);
        if (stated.isEmpty()) {
            return otherwise;
        }
        return Arrays.stream(values)
                .filter(value -> name.apply(value).equals(stated.get()))
                .findFirst()
                .orElseThrow(
                        () ->
                                json.unsupported(
                                        key,
                                        Quoted.text(stated.get()),
                                        Arrays.stream(values)
                                                .map(name)
                                                .collect(Collectors.joining(", "))));
    }

    private static ElementType type(ConfigObject json, ConfigObject outer) {
        for (ConfigObject object : new ConfigObject[] {json, outer}) {
            for (String key : new String[] {"torch_dtype", "dtype"}) {
                Optional<String> name = object.optionalText(key);
                if (name.isPresent()) {
                    return ConfigWriter.typeNamed(name.get())
                            .orElseThrow(
                                    () ->
                                            object.unsupported(
                                                    key,
                                                    Quoted.text(name.get()),
                                                    String.join(
                                                            ", ",
                                                            ConfigWriter.TYPE_NAMES.values())));
                }
            }
        }
        return ElementType.BF16;
    }

    private static Quantization quantization(@Nullable ConfigObject json) {
        if (json == null) {
            return new Quantization.Unquantized();
        }
        String method = json.text("quant_method");
        return switch (method) {
            case "fp8" -> fp8(json);
            case "compressed-tensors" -> packedInt4(json);
            default ->
                    throw json.unsupported(
                            "quant_method", Quoted.text(method), "fp8 and compressed-tensors");
        };
    }

    private static Quantization fp8(ConfigObject json) {
        require(json, "fmt", json.optionalText("fmt").orElse("e4m3"), "e4m3");
        require(
                json,
                "activation_scheme",
                json.optionalText("activation_scheme").orElse("dynamic"),
                "dynamic");
        List<Integer> block = json.integers("weight_block_size");
        if (block.size() != 2) {
            throw json.unsupported(
                    "weight_block_size",
                    block.size() + " numbers",
                    "two, the rows and columns of a block");
        }
        String scaleFormat = json.optionalText("scale_fmt").orElse("");
        if (!scaleFormat.isEmpty()) {
            require(json, "scale_fmt", scaleFormat, "ue8m0");
        }
        return new Quantization.Fp8Blocks(block.get(0), block.get(1), !scaleFormat.isEmpty());
    }

    private static Quantization packedInt4(ConfigObject json) {
        require(json, "format", json.text("format"), "pack-quantized");
        ConfigObject group = json.onlyObjectIn("config_groups");
        if (group.object("input_activations").isPresent()) {
            throw group.unsupported(
                    "input_activations", "an object", "null, activations are not quantised");
        }
        ConfigObject weights = group.requiredObject("weights");
        int bits = weights.integer("num_bits");
        if (bits != 4) {
            throw weights.unsupported("num_bits", Integer.toString(bits), "4");
        }
        require(weights, "type", weights.text("type"), "int");
        require(weights, "strategy", weights.text("strategy"), "group");
        if (!weights.flag("symmetric")) {
            throw weights.unsupported("symmetric", "false", "true");
        }
        return new Quantization.PackedInt4(weights.integer("group_size"), json.texts("ignore"));
    }

    private static void require(ConfigObject json, String key, String value, String supported) {
        if (!value.equals(supported)) {
            throw json.unsupported(key, Quoted.text(value), supported);
        }
    }
}

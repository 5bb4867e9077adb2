package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

class ModelConfigTest {
    static final List<String> NAMES = PublishedConfigs.NAMES;

    @TempDir Path folder;

    private static void refused(String json, String... parts) {
        assertThatThrownBy(() -> ModelConfig.parse("config.json", json))
                .as(json)
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("config.json: ")
                .hasMessageContaining("; ")
                .hasMessageContainingAll(parts);
    }

    private static void refused(String name, Consumer<ObjectNode> change, String... parts) {
        refused(PublishedConfigs.changed(name, change), parts);
    }

    private static ModelConfig accepted(String name, Consumer<ObjectNode> change) {
        return ModelConfig.parse("config.json", PublishedConfigs.changed(name, change));
    }

    @Test
    void readsDeepSeekV3() {
        ModelConfig config = PublishedConfigs.config("v3");
        assertThat(config.family()).isEqualTo(ModelFamily.DEEPSEEK_V3);
        assertThat(config.hiddenSize()).isEqualTo(7168);
        assertThat(config.layers()).isEqualTo(61);
        assertThat(config.predictionLayers()).isEqualTo(1);
        assertThat(config.attention()).isEqualTo(new AttentionConfig(128, 1536, 512, 128, 64, 128));
        assertThat(config.attention().queryDim()).isEqualTo(192);
        assertThat(config.attention().hasQueryLatent()).isTrue();
        assertThat(config.rope())
                .isEqualTo(new RopeConfig(10_000, new YarnConfig(40, 4096, 32, 1, 1, 1)));
        assertThat(config.moe())
                .isEqualTo(
                        new MoeConfig(
                                256,
                                1,
                                8,
                                2048,
                                MoeConfig.Scoring.SIGMOID,
                                MoeConfig.Selection.NOAUX_TC,
                                8,
                                4,
                                true,
                                2.5,
                                3,
                                1));
        assertThat(config.quantization()).isEqualTo(new Quantization.Fp8Blocks(128, 128, false));
        assertThat(config.beginTokens()).containsExactly(0);
        assertThat(config.endTokens()).containsExactly(1);
        assertThat(config.hasExperts(2)).isFalse();
        assertThat(config.hasExperts(3)).isTrue();
        assertThat(config.type()).isEqualTo(ElementType.BF16);
    }

    @Test
    void readsDeepSeekV2Lite() {
        ModelConfig config = PublishedConfigs.config("v2-lite");
        assertThat(config.family()).isEqualTo(ModelFamily.DEEPSEEK_V2);
        assertThat(config.attention()).isEqualTo(new AttentionConfig(16, null, 512, 128, 64, 128));
        assertThat(config.attention().hasQueryLatent()).isFalse();
        assertThat(config.moe())
                .isEqualTo(
                        new MoeConfig(
                                64,
                                2,
                                6,
                                1408,
                                MoeConfig.Scoring.SOFTMAX,
                                MoeConfig.Selection.GREEDY,
                                1,
                                1,
                                false,
                                1,
                                1,
                                1));
        assertThat(config.moe().selection().biased()).isFalse();
        assertThat(config.quantization()).isEqualTo(new Quantization.Unquantized());
    }

    @Test
    void readsMoonlightAsDeepSeekV3WithoutYarn() {
        ModelConfig config = PublishedConfigs.config("moonlight");
        assertThat(config.family()).isEqualTo(ModelFamily.DEEPSEEK_V3);
        assertThat(config.rope()).isEqualTo(new RopeConfig(50_000, null));
        assertThat(config.rope().rotationMagnitude()).isEqualTo(1);
        assertThat(config.moe().scale()).isEqualTo(2.446);
    }

    @Test
    void readsKimiK2InsideItsWrapper() {
        ModelConfig config = PublishedConfigs.config("kimi-k25");
        assertThat(config.family()).isEqualTo(ModelFamily.KIMI_K2);
        assertThat(config.maxPositions()).isEqualTo(262144);
        assertThat(config.moe().experts()).isEqualTo(384);
        Quantization.PackedInt4 int4 = (Quantization.PackedInt4) config.quantization();
        assertThat(int4.groupSize()).isEqualTo(32);
        assertThat(int4.ignores("model.layers.3.mlp.experts.17.up_proj")).isFalse();
        assertThat(int4.ignores("model.layers.3.self_attn.o_proj")).isTrue();
        assertThat(int4.ignores("model.layers.3.mlp.shared_experts.up_proj")).isTrue();
        assertThat(int4.ignores("model.layers.0.mlp.down_proj")).isTrue();
        assertThat(int4.ignores("lm_head")).isTrue();
        assertThat(int4.ignores("lm_head2")).isFalse();
    }

    /// The scales that the models' own code computes, to the digits that were published with them.
    @ParameterizedTest
    @CsvSource({
        "v2-lite, 0.114721",
        "v3, 0.135234",
        "kimi-k2, 0.130861",
        "kimi-k25, 0.144680",
        "moonlight, 0.0721688"
    })
    void softmaxScaleIsThatOfTheModel(String name, double expected) {
        ModelConfig config = PublishedConfigs.config(name);
        assertThat(config.softmaxScale()).isCloseTo(expected, within(5e-7));
        assertThat(config.rope().rotationMagnitude()).isEqualTo(1);
    }

    @ParameterizedTest
    @FieldSource("NAMES")
    void writesWhatItReads(String name) {
        ModelConfig config = PublishedConfigs.config(name);
        Path file = folder.resolve("config.json");
        config.write(file);
        assertThat(ModelConfig.read(file)).isEqualTo(config);
    }

    @Test
    void writesEveryKind() {
        for (Quantization quantization :
                List.of(
                        new Quantization.Unquantized(),
                        new Quantization.Fp8Blocks(64, 32, true),
                        new Quantization.PackedInt4(32, List.of("lm_head", "re:.*attn.*")))) {
            ModelConfig config = PublishedConfigs.tiny(quantization);
            assertThat(ModelConfig.parse("x", config.toJson())).isEqualTo(config);
        }
        ModelConfig silent =
                accepted(
                        "v2-lite",
                        json -> {
                            json.remove(List.of("bos_token_id", "eos_token_id"));
                            json.put("topk_method", "group_limited_greedy");
                        });
        assertThat(silent.endTokens()).isEmpty();
        assertThat(ModelConfig.parse("x", silent.toJson())).isEqualTo(silent);
        assertThatThrownBy(() -> silent.write(folder.resolve("no/config.json")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("cannot be written");
    }

    @Test
    void keysThatTheLibraryLeavesOutHaveItsDefaults() {
        ModelConfig v3 =
                accepted(
                        "v3",
                        json ->
                                json.remove(
                                        List.of(
                                                "hidden_act",
                                                "attention_bias",
                                                "tie_word_embeddings",
                                                "num_nextn_predict_layers",
                                                "moe_layer_freq",
                                                "torch_dtype",
                                                "scoring_func",
                                                "topk_method",
                                                "n_shared_experts")));
        assertThat(v3.moe().scoring()).isEqualTo(MoeConfig.Scoring.SIGMOID);
        assertThat(v3.moe().selection()).isEqualTo(MoeConfig.Selection.NOAUX_TC);
        assertThat(v3.moe().sharedExperts()).isZero();
        assertThat(v3.type()).isEqualTo(ElementType.BF16);
        ModelConfig v2 =
                accepted(
                        "v2-lite",
                        json ->
                                json.remove(
                                        List.of(
                                                "scoring_func",
                                                "topk_method",
                                                "n_group",
                                                "topk_group")));
        assertThat(v2).isEqualTo(PublishedConfigs.config("v2-lite"));
        ModelConfig yarn =
                accepted(
                        "v3",
                        json -> {
                            ObjectNode scaling = json.putObject("rope_scaling");
                            scaling.put("rope_type", "yarn").put("factor", 8);
                        });
        assertThat(yarn.rope().yarn()).isEqualTo(new YarnConfig(8, 4096, 32, 1, 1, 0));
        assertThat(yarn.rope().softmaxMagnitude()).isEqualTo(1);
        assertThat(yarn.rope().rotationMagnitude()).isCloseTo(1 + 0.1 * Math.log(8), within(1e-15));
    }

    @Test
    void readsTheKeysOfNewerLibraryVersions() {
        ModelConfig config =
                accepted(
                        "v3",
                        json -> {
                            ObjectNode rope = (ObjectNode) json.remove("rope_scaling");
                            rope.put("rope_type", "yarn").put("rope_theta", 20_000).remove("type");
                            json.remove("rope_theta");
                            json.set("rope_parameters", rope);
                            json.set("dtype", json.remove("torch_dtype"));
                        });
        assertThat(config.rope())
                .isEqualTo(new RopeConfig(20_000, new YarnConfig(40, 4096, 32, 1, 1, 1)));
        assertThat(
                        accepted(
                                        "moonlight",
                                        json -> {
                                            json.remove(List.of("rope_theta", "rope_scaling"));
                                            json.putObject("rope_parameters")
                                                    .put("rope_theta", 3.5);
                                        })
                                .rope())
                .isEqualTo(new RopeConfig(3.5, null));
        assertThat(
                        accepted(
                                        "moonlight",
                                        json ->
                                                json.putObject("rope_parameters")
                                                        .put("rope_type", "default"))
                                .rope()
                                .yarn())
                .isNull();
        assertThat(accepted("v3", json -> json.put("torch_dtype", "torch.float16")).type())
                .isEqualTo(ElementType.F16);
        assertThat(
                        accepted(
                                        "kimi-k25",
                                        json -> {
                                            ObjectNode text = (ObjectNode) json.get("text_config");
                                            text.remove("dtype");
                                            json.put("dtype", "float32");
                                            json.set(
                                                    "quantization_config",
                                                    text.remove("quantization_config"));
                                        })
                                .type())
                .isEqualTo(ElementType.F32);
    }

    @Test
    void endTokensMayBeSeveral() {
        assertThat(accepted("v3", json -> json.putArray("eos_token_id").add(1).add(7)).endTokens())
                .containsExactly(1, 7);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model_type", "hidden_size", "num_hidden_layers", "vocab_size",
                        "max_position_embeddings",
                "intermediate_size", "rms_norm_eps", "num_attention_heads", "kv_lora_rank",
                        "qk_nope_head_dim",
                "qk_rope_head_dim", "v_head_dim", "rope_theta", "n_routed_experts",
                        "num_experts_per_tok",
                "moe_intermediate_size", "n_group", "topk_group", "norm_topk_prob",
                        "routed_scaling_factor",
                "first_k_dense_replace"
            })
    void missingOrNullOrMistypedKeyIsNamed(String key) {
        refused("v3", json -> json.remove(key), "the key " + key + " is missing");
        refused("v3", json -> json.putNull(key), "the key " + key + " is missing or null");
        refused("v3", json -> json.putObject(key), "the key " + key + " holds an object");
        refused("v3", json -> json.putArray(key), "the key " + key + " holds an array");
        if (!key.equals("model_type")) {
            refused("v3", json -> json.put(key, "many"), "the key " + key + " holds \"many\"");
        }
    }

    @Test
    void absentQueryRankIsNotTheSameAsNull() {
        refused(
                "v2-lite",
                json -> json.remove("q_lora_rank"),
                "q_lora_rank is missing",
                "null explicitly");
        refused("v2-lite", json -> json.put("q_lora_rank", -1), "q_lora_rank is -1");
        refused("v2-lite", json -> json.put("q_lora_rank", 0), "q_lora_rank is 0");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hidden_size", "num_hidden_layers", "vocab_size", "max_position_embeddings",
                        "intermediate_size",
                "num_attention_heads", "kv_lora_rank", "q_lora_rank", "qk_nope_head_dim",
                        "qk_rope_head_dim",
                "v_head_dim", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size",
                        "n_group",
                "topk_group", "moe_layer_freq"
            })
    void absurdDimensionIsNamedWithItsBounds(String key) {
        for (long value : new long[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            refused("v3", json -> json.put(key, value), key + " is " + value, "not in 1 to");
        }
        refused("v3", json -> json.put(key, 1L << 40), key, "1099511627776", "32 bits");
        refused("v3", json -> json.put(key, 1.5), key, "1.5");
        refused("v3", json -> json.put(key, true), key, "true");
    }

    @Test
    void numbersThatDoNotFitEachOther() {
        refused(
                "v3",
                json -> json.put("num_experts_per_tok", 257),
                "num_experts_per_tok is 257",
                "256");
        refused("v3", json -> json.put("n_group", 7), "256, not divisible by n_group 7");
        refused("v3", json -> json.put("topk_group", 9), "topk_group is 9");
        refused(
                "v3",
                json -> json.put("topk_group", 1).put("num_experts_per_tok", 33),
                "leave only 32 experts");
        refused("v3", json -> json.put("n_group", 256).put("topk_group", 256), "two experts each");
        refused("v3", json -> json.put("qk_rope_head_dim", 63), "63", "pairs");
        refused(
                "v3",
                json -> json.put("num_attention_heads", 4096).put("qk_nope_head_dim", 16384),
                "num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim) is 67371008");
        refused(
                "v3",
                json -> json.put("num_attention_heads", 4096).put("v_head_dim", 16384),
                "num_attention_heads * (qk_nope_head_dim + v_head_dim)");
        refused(
                "v3",
                json -> json.put("n_shared_experts", 65536).put("moe_intermediate_size", 1 << 20),
                "n_shared_experts * moe_intermediate_size is 68719476736");
        refused("v3", json -> json.put("first_k_dense_replace", -1), "first_k_dense_replace is -1");
        refused(
                "v3",
                json -> json.put("num_nextn_predict_layers", -1),
                "num_nextn_predict_layers is -1");
        refused("v3", json -> json.put("bos_token_id", 129280), "bos_token_id is 129280");
        refused("v3", json -> json.putArray("eos_token_id").add(1).add(-5), "eos_token_id is -5");
        refused(
                "v3",
                json -> json.putArray("eos_token_id").add("</s>"),
                "eos_token_id holds \"</s>\"");
        refused(
                "kimi-k25",
                json -> text(json).put("moe_intermediate_size", 2040),
                "2040, not a multiple",
                "32");
        refused("kimi-k25", json -> text(json).put("hidden_size", 7176), "7176, not a multiple");
    }

    private static ObjectNode text(ObjectNode json) {
        return (ObjectNode) json.get("text_config");
    }

    @Test
    void numbersThatAreNoNumbers() {
        for (String key : List.of("rms_norm_eps", "routed_scaling_factor", "rope_theta")) {
            refused("v3", json -> json.put(key, -1.0), key + " is -1.0");
            refused("v3", json -> json.put(key, 0), key + " is 0.0");
            refused("v3", json -> json.put(key, 1e300), key + " is 1.0E300");
            String huge =
                    PublishedConfigs.changed("v3", json -> json.put(key, 12345678))
                            .replace("12345678", "1e9999");
            refused(huge, key, "finite");
        }
        for (String key :
                List.of(
                        "factor",
                        "beta_fast",
                        "original_max_position_embeddings",
                        "beta_slow",
                        "mscale",
                        "mscale_all_dim")) {
            refused(
                    "v3",
                    json -> ((ObjectNode) json.get("rope_scaling")).put(key, -3),
                    "rope_scaling." + key,
                    "-3");
        }
        refused(
                "v3",
                json -> ((ObjectNode) json.get("rope_scaling")).put("beta_slow", 64),
                "beta_slow is 64.0",
                "32.0");
        refused(
                "v3",
                json -> ((ObjectNode) json.get("rope_scaling")).remove("factor"),
                "rope_scaling.factor is missing");
    }

    @Test
    void whatIsNotSupportedIsSaidWithWhatIs() {
        refused(
                "v3",
                json -> json.put("model_type", "llama"),
                "\"llama\"",
                "deepseek_v2, deepseek_v3, kimi_k2",
                "kimi_k25");
        refused("v3", json -> json.put("hidden_act", "gelu"), "hidden_act", "\"gelu\"", "silu");
        refused(
                "v3",
                json -> json.put("attention_bias", true),
                "attention_bias",
                "true",
                "without bias");
        refused("v3", json -> json.put("attention_bias", 0), "attention_bias", "true or false");
        refused(
                "v3",
                json -> json.put("scoring_func", "tanh"),
                "scoring_func",
                "\"tanh\"",
                "softmax, sigmoid");
        refused("v3", json -> json.put("topk_method", "best"), "topk_method", "noaux_tc");
        refused(
                "v3",
                json -> json.put("torch_dtype", "int8"),
                "torch_dtype",
                "\"int8\"",
                "bfloat16");
        refused(
                "v3",
                json -> ((ObjectNode) json.get("rope_scaling")).put("type", "linear"),
                "rope_scaling.type",
                "\"linear\"",
                "yarn");
        refused("v3", json -> json.putObject("rope_scaling"), "rope_scaling.type is missing");
        refused(
                "v3",
                json -> json.put("rope_scaling", "yarn"),
                "rope_scaling holds \"yarn\"",
                "an object");
        refused("kimi-k25", json -> json.remove("text_config"), "text_config is missing");
        refused(
                "kimi-k25",
                json -> text(json).put("model_type", "kimi_k25"),
                "text_config.model_type",
                "\"kimi_k25\"");
        refused(
                "kimi-k25",
                json -> text(json).remove("kv_lora_rank"),
                "text_config.kv_lora_rank is missing");
    }

    @Test
    void quantisationThatIsNotSupported() {
        refused(
                "v3",
                json -> quantization(json).remove("quant_method"),
                "quantization_config.quant_method is missing");
        refused(
                "v3",
                json -> quantization(json).put("quant_method", "gptq"),
                "\"gptq\"",
                "fp8 and compressed-tensors");
        refused("v3", json -> quantization(json).put("fmt", "e5m2"), "fmt", "\"e5m2\"", "e4m3");
        refused(
                "v3",
                json -> quantization(json).put("activation_scheme", "static"),
                "activation_scheme",
                "dynamic");
        refused("v3", json -> quantization(json).put("scale_fmt", "e4m3"), "scale_fmt", "ue8m0");
        refused(
                "v3",
                json -> quantization(json).putArray("weight_block_size").add(128),
                "1 numbers",
                "two");
        refused(
                "v3",
                json -> quantization(json).putArray("weight_block_size").add(128).add(0),
                "weight_block_size[1] is 0");
        assertThat(
                        accepted("v3", json -> quantization(json).put("scale_fmt", "ue8m0"))
                                .quantization())
                .isEqualTo(new Quantization.Fp8Blocks(128, 128, true));

        refused(
                "kimi-k25",
                json -> packed(json).put("format", "naive"),
                "format",
                "\"naive\"",
                "pack-quantized");
        refused(
                "kimi-k25",
                json -> packed(json).putObject("config_groups"),
                "config_groups",
                "0 entries",
                "exactly one");
        refused(
                "kimi-k25",
                json -> group(json).putObject("input_activations"),
                "input_activations",
                "not quantised");
        refused("kimi-k25", json -> group(json).remove("weights"), "group_0.weights is missing");
        refused(
                "kimi-k25",
                json -> weights(json).put("num_bits", 8),
                "num_bits",
                "8",
                "supported: 4");
        refused("kimi-k25", json -> weights(json).put("type", "float"), "weights.type", "int");
        refused("kimi-k25", json -> weights(json).put("strategy", "channel"), "strategy", "group");
        refused("kimi-k25", json -> weights(json).put("symmetric", false), "symmetric", "true");
        refused(
                "kimi-k25",
                json -> weights(json).put("group_size", 12),
                "group_size is 12",
                "multiple of 8");
        refused("kimi-k25", json -> weights(json).put("group_size", -8), "group_size is -8");
        refused("kimi-k25", json -> packed(json).put("ignore", "lm_head"), "ignore", "an array");
        refused(
                "kimi-k25",
                json -> packed(json).putArray("ignore").add(3),
                "ignore holds 3",
                "a string");
        refused(
                PublishedConfigs.text("kimi-k25").replace("lm_head", "\\ud800"),
                "ignore",
                "\\ud800",
                "surrogate");
        refused(
                "kimi-k25",
                json -> packed(json).putArray("ignore").add("re:("),
                "\"(\"",
                "not a regular expression");
        refused(
                "kimi-k25",
                json -> packed(json).putArray("ignore").add("re:" + "a".repeat(300)),
                "longer than 256");
    }

    private static ObjectNode quantization(ObjectNode json) {
        return (ObjectNode) json.get("quantization_config");
    }

    private static ObjectNode packed(ObjectNode json) {
        return quantization(text(json));
    }

    private static ObjectNode group(ObjectNode json) {
        return (ObjectNode) packed(json).get("config_groups").get("group_0");
    }

    private static ObjectNode weights(ObjectNode json) {
        return (ObjectNode) group(json).get("weights");
    }

    @Test
    void hostileIgnoreExpressionsStopSoon() {
        Quantization.PackedInt4 int4 = new Quantization.PackedInt4(32, List.of("re:.*.*.*.*.*.*z"));
        assertThatThrownBy(() -> int4.ignores("a".repeat(300)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("steps", "100000");
        assertThatThrownBy(() -> int4.ignores("a".repeat(600)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("longer than 512");
    }

    @Test
    void whatIsNotAcceptableJson() throws IOException {
        refused("", "configuration is not a JSON object");
        refused("[]", "not a JSON object");
        refused("null", "not a JSON object");
        refused("{", "not acceptable JSON");
        refused("{} {}", "goes on after its closing brace");
        refused(
                "{\"model_type\":\"deepseek_v3\",\"model_type\":\"deepseek_v3\"}",
                "Duplicate",
                "model_type");
        refused("{\"rope_scaling\":{\"factor\":1,\"factor\":2}}", "Duplicate", "factor");
        refused(
                "{\"a\":" + "[".repeat(40) + "]".repeat(40) + "}",
                "not acceptable JSON",
                "32 deep");
        refused("{\"hidden_size\":" + "1".repeat(100) + "}", "not acceptable JSON");
        Path file = folder.resolve("config.json");
        Files.write(file, new byte[] {'{', (byte) 0x80, '}'});
        assertThatThrownBy(() -> ModelConfig.read(file)).hasMessageContaining("not UTF-8");
        Files.write(file, PublishedConfigs.text("v3").getBytes(StandardCharsets.UTF_16));
        assertThatThrownBy(() -> ModelConfig.read(file)).isInstanceOf(CheckpointException.class);
        Files.write(file, new byte[(16 << 20) + 1]);
        assertThatThrownBy(() -> ModelConfig.read(file))
                .hasMessageContaining("larger than 16777216 bytes");
        assertThatThrownBy(() -> ModelConfig.read(folder))
                .hasMessageContaining("not a regular file");
        assertThatThrownBy(() -> ModelConfig.read(folder.resolve("no")))
                .hasMessageContaining("does not exist");
    }

    @Test
    void recordsRefuseWhatTheirFactoriesWouldNotCatch() {
        ModelConfig good = PublishedConfigs.tiny(new Quantization.Unquantized());
        assertThatThrownBy(
                        () ->
                                new ModelConfig(
                                        good.family(),
                                        good.hiddenSize(),
                                        good.layers(),
                                        good.vocabularySize(),
                                        good.maxPositions(),
                                        good.intermediateSize(),
                                        good.rmsNormEps(),
                                        ElementType.I8,
                                        good.tiedEmbeddings(),
                                        good.predictionLayers(),
                                        good.attention(),
                                        good.rope(),
                                        good.moe(),
                                        good.beginTokens(),
                                        good.endTokens(),
                                        good.quantization()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("torch_dtype is I8");
        assertThatCode(() -> good.hasExperts(1_000_000)).doesNotThrowAnyException();
    }

    @Test
    void layerFrequencySkipsLayers() {
        ModelConfig config = accepted("v3", json -> json.put("moe_layer_freq", 4));
        assertThat(config.hasExperts(3)).isFalse();
        assertThat(config.hasExperts(4)).isTrue();
        assertThat(config.hasExperts(5)).isFalse();
    }

    @Test
    void everyScalarKeyOfEveryPublishedConfigurationMayBeReordered() {
        for (String name : NAMES) {
            ObjectNode tree = PublishedConfigs.tree(name);
            ObjectNode reversed = PublishedConfigs.MAPPER.createObjectNode();
            List<String> keys = new java.util.ArrayList<>(tree.propertyNames());
            for (String key : keys.reversed()) {
                JsonNode value = tree.get(key);
                reversed.set(key, value);
            }
            assertThat(ModelConfig.parse("x", reversed.toString()))
                    .isEqualTo(PublishedConfigs.config(name));
        }
    }
}

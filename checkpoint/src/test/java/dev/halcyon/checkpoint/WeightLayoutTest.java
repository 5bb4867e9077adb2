package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

class WeightLayoutTest {
    private static Map<String, WeightLayout.Slot> slots(String name, String prefix) {
        return WeightLayout.of(PublishedConfigs.config(name), new WeightNames(prefix))
                .slots()
                .stream()
                .collect(Collectors.toMap(WeightLayout.Slot::name, Function.identity()));
    }

    private static void has(
            Map<String, WeightLayout.Slot> slots, String name, ElementType type, long... dims) {
        assertThat(slots)
                .containsEntry(name, new WeightLayout.Slot(name, type, TensorShape.of(dims)));
    }

    /// Shapes as the published checkpoints' dumps show them.
    @Test
    void deepSeekV3() {
        Map<String, WeightLayout.Slot> slots = slots("v3", "");
        String attention = "model.layers.60.self_attn.";
        has(slots, "model.embed_tokens.weight", ElementType.BF16, 129280, 7168);
        has(slots, "lm_head.weight", ElementType.BF16, 129280, 7168);
        has(slots, "model.norm.weight", ElementType.BF16, 7168);
        has(slots, "model.layers.60.input_layernorm.weight", ElementType.BF16, 7168);
        has(slots, "model.layers.60.post_attention_layernorm.weight", ElementType.BF16, 7168);
        has(slots, attention + "q_a_proj.weight", ElementType.F8_E4M3, 1536, 7168);
        has(slots, attention + "q_a_proj.weight_scale_inv", ElementType.F32, 12, 56);
        has(slots, attention + "q_a_layernorm.weight", ElementType.BF16, 1536);
        has(slots, attention + "q_b_proj.weight", ElementType.F8_E4M3, 24576, 1536);
        has(slots, attention + "kv_a_proj_with_mqa.weight", ElementType.F8_E4M3, 576, 7168);
        has(slots, attention + "kv_a_proj_with_mqa.weight_scale_inv", ElementType.F32, 5, 56);
        has(slots, attention + "kv_a_layernorm.weight", ElementType.BF16, 512);
        has(slots, attention + "kv_b_proj.weight", ElementType.F8_E4M3, 32768, 512);
        has(slots, attention + "o_proj.weight", ElementType.F8_E4M3, 7168, 16384);
        has(slots, "model.layers.2.mlp.down_proj.weight", ElementType.F8_E4M3, 7168, 18432);
        has(slots, "model.layers.3.mlp.gate.weight", ElementType.BF16, 256, 7168);
        has(slots, "model.layers.3.mlp.gate.e_score_correction_bias", ElementType.F32, 256);
        has(
                slots,
                "model.layers.3.mlp.experts.255.gate_proj.weight",
                ElementType.F8_E4M3,
                2048,
                7168);
        has(
                slots,
                "model.layers.3.mlp.shared_experts.up_proj.weight",
                ElementType.F8_E4M3,
                2048,
                7168);
        assertThat(slots)
                .doesNotContainKeys(
                        attention + "q_proj.weight", "model.layers.61.input_layernorm.weight");
    }

    @Test
    void deepSeekV2Lite() {
        Map<String, WeightLayout.Slot> slots = slots("v2-lite", "");
        has(slots, "model.layers.0.self_attn.q_proj.weight", ElementType.BF16, 3072, 2048);
        has(
                slots,
                "model.layers.1.mlp.shared_experts.down_proj.weight",
                ElementType.BF16,
                2048,
                2816);
        has(slots, "model.layers.0.mlp.gate_proj.weight", ElementType.BF16, 10944, 2048);
        assertThat(slots).doesNotContainKey("model.layers.1.mlp.gate.e_score_correction_bias");
    }

    @Test
    void kimiK25() {
        Map<String, WeightLayout.Slot> slots = slots("kimi-k25", "language_model.");
        String expert = "language_model.model.layers.1.mlp.experts.383.";
        has(slots, expert + "gate_proj.weight_packed", ElementType.I32, 2048, 896);
        has(slots, expert + "gate_proj.weight_scale", ElementType.BF16, 2048, 224);
        has(slots, expert + "gate_proj.weight_shape", ElementType.I32, 2);
        has(slots, expert + "down_proj.weight_packed", ElementType.I32, 7168, 256);
        has(slots, expert + "down_proj.weight_scale", ElementType.BF16, 7168, 64);
        has(
                slots,
                "language_model.model.layers.1.mlp.shared_experts.up_proj.weight",
                ElementType.BF16,
                2048,
                7168);
        has(
                slots,
                "language_model.model.layers.0.mlp.up_proj.weight",
                ElementType.BF16,
                18432,
                7168);
        has(slots, "language_model.lm_head.weight", ElementType.BF16, 163840, 7168);
        assertThat(slots).doesNotContainKey(expert + "gate_proj.weight");
    }

    /// The parameter counts that the models are known by, in billions.
    @ParameterizedTest
    @CsvSource({
        "v2-lite, 15.7, 0.05",
        "moonlight, 16.0, 0.1",
        "v3, 671.0, 0.1",
        "kimi-k2, 1026, 5"
    })
    void countsTheParametersOfTheModel(String name, double billions, double tolerance) {
        double count =
                slots(name, "").values().stream()
                        .filter(slot -> !slot.name().endsWith("_scale_inv"))
                        .mapToDouble(slot -> slot.shape().elements())
                        .sum();
        assertThat(count / 1e9).isCloseTo(billions, within(tolerance));
    }

    @Test
    void tiedEmbeddingsHaveNoHead() {
        String tied =
                PublishedConfigs.changed("v2-lite", json -> json.put("tie_word_embeddings", true));
        WeightLayout layout = WeightLayout.of(ModelConfig.parse("x", tied), new WeightNames(""));
        assertThat(layout.slots()).noneMatch(slot -> slot.name().equals("lm_head.weight"));
        String alone = PublishedConfigs.changed("v2-lite", json -> json.put("n_shared_experts", 0));
        assertThat(WeightLayout.of(ModelConfig.parse("x", alone), new WeightNames("")).slots())
                .noneMatch(slot -> slot.name().contains("shared_experts"));
    }

    @Test
    void moduleOfAWeight() {
        assertThat(WeightNames.module("a.b.weight")).isEqualTo("a.b");
        assertThatThrownBy(() -> WeightNames.module("a.bias"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void namesAreUnique() {
        for (String name : PublishedConfigs.NAMES) {
            List<WeightLayout.Slot> slots =
                    WeightLayout.of(PublishedConfigs.config(name), new WeightNames("")).slots();
            assertThat(slots.stream().map(WeightLayout.Slot::name).distinct().count())
                    .isEqualTo(slots.size());
        }
    }
}

package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import tools.jackson.databind.JsonNode;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/// Attacks the parsers of configurations and shard indexes with texts that are right, nearly right
/// and wrong in every key.
@Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ConfigFuzzTest {
    private static final List<JsonNode> CONFIGS =
            PublishedConfigs.NAMES.stream()
                    .map(name -> (JsonNode) PublishedConfigs.tree(name))
                    .toList();

    private static JsonMutator.Value copy(JsonNode node) {
        if (node.isObject()) {
            List<Map.Entry<String, JsonMutator.Value>> members = new ArrayList<>();
            node.properties()
                    .forEach(
                            member ->
                                    members.add(
                                            Map.entry(member.getKey(), copy(member.getValue()))));
            return new JsonMutator.Members(members);
        }
        if (node.isArray()) {
            List<JsonMutator.Value> items = new ArrayList<>();
            node.forEach(item -> items.add(copy(item)));
            return new JsonMutator.Items(items);
        }
        return node.isString()
                ? new JsonMutator.Text(node.stringValue())
                : new JsonMutator.Raw(node.toString());
    }

    private static byte[] mutated(SplittableRandom random, JsonNode original) {
        JsonMutator mutator = new JsonMutator(random);
        JsonMutator.Members root = (JsonMutator.Members) copy(original);
        if (random.nextBoolean()) {
            for (int i = root.list().size() - 1; i > 0; i--) {
                Collections.swap(root.list(), i, random.nextInt(i + 1));
            }
        }
        if (random.nextInt(4) == 0) {
            root.list()
                    .add(
                            Map.entry(
                                    "unknown_" + random.nextInt(),
                                    new JsonMutator.Items(new ArrayList<>())));
        }
        int breaks = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(3);
        for (int i = 0; i < breaks; i++) {
            mutator.breakSomething(root);
        }
        byte[] text = mutator.write(root).getBytes(StandardCharsets.UTF_8);
        return random.nextInt(12) == 0 ? mutator.damage(text) : text;
    }

    private static byte[] config(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return mutated(random, CONFIGS.get(random.nextInt(CONFIGS.size())));
    }

    private static void check(byte[] text) {
        ModelConfig config = ModelConfig.parse("config.json", text);
        if (!ModelConfig.parse("again", config.toJson()).equals(config)) {
            throw new IllegalStateException("changed by writing and reading: " + config);
        }
        if (!(config.softmaxScale() > 0 && config.softmaxScale() < 1e6)
                || !(config.rope().rotationMagnitude() > 0)) {
            throw new IllegalStateException("scale of " + config);
        }
        if (config.hasExperts(config.moe().firstDenseLayers() - 1)) {
            throw new IllegalStateException("experts too early: " + config);
        }
        if (config.quantization() instanceof Quantization.PackedInt4 int4) {
            try {
                int4.ignores("model.layers.17.mlp.experts.201.gate_proj");
            } catch (IllegalArgumentException e) {
                // Documented for expressions that take too long; any other kind of failure is a
                // finding.
                assertThat(e).hasMessageContaining("steps");
            }
        }
    }

    @Test
    void configParserTakesAnything() {
        Fuzzing.Verdicts verdicts =
                Fuzzing.run(Fuzzing.inputs(), ConfigFuzzTest::config, ConfigFuzzTest::check);
        assertThat(verdicts.acceptedShare())
                .as("share of inputs that are accepted: %s", verdicts)
                .isBetween(1.0 / 3, 0.8);
    }

    private static byte[] index(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, String> map = new java.util.LinkedHashMap<>();
        for (int i = random.nextInt(1, 9); i > 0; i--) {
            map.put(
                    "model.layers." + i + ".weight",
                    "model-0000" + random.nextInt(1, 4) + "-of-00003.safetensors");
        }
        return mutated(
                random,
                PublishedConfigs.MAPPER.valueToTree(
                        Map.of("metadata", Map.of("total_size", 7), "weight_map", map)));
    }

    @Test
    void indexParserTakesAnything() {
        Fuzzing.Verdicts verdicts =
                Fuzzing.run(
                        Fuzzing.inputs() / 4,
                        ConfigFuzzTest::index,
                        text -> {
                            ShardIndex index = ShardIndex.parse("index.json", text);
                            index.shardOf()
                                    .forEach(
                                            (tensor, shard) -> {
                                                if (shard.contains("/")
                                                        || shard.contains("..")
                                                        || !index.tensorsOf()
                                                                .get(shard)
                                                                .contains(tensor)) {
                                                    throw new IllegalStateException(
                                                            "accepted " + shard);
                                                }
                                            });
                        });
        assertThat(verdicts.acceptedShare()).as("%s", verdicts).isBetween(1.0 / 3, 0.95);
    }
}

package dev.halcyon.checkpoint;

import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/// The configurations of published models, from the test resources.
final class PublishedConfigs {
    static final List<String> NAMES = List.of("v2-lite", "v3", "moonlight", "kimi-k2", "kimi-k25");

    static final JsonMapper MAPPER = new JsonMapper();

    private PublishedConfigs() {}

    static String text(String name) {
        try (InputStream in =
                Objects.requireNonNull(
                        PublishedConfigs.class.getResourceAsStream(name + ".json"), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ModelConfig config(String name) {
        return ModelConfig.parse(name + ".json", text(name));
    }

    static ObjectNode tree(String name) {
        return (ObjectNode) MAPPER.readTree(text(name));
    }

    static String changed(String name, Consumer<ObjectNode> change) {
        ObjectNode tree = tree(name);
        change.accept(tree);
        return tree.toString();
    }

    /// A configuration small enough to write a checkpoint of, with every feature of its kind.
    static ModelConfig tiny(Quantization quantization) {
        return new ModelConfig(
                ModelFamily.DEEPSEEK_V3,
                32,
                3,
                40,
                4096,
                64,
                1e-6,
                ElementType.BF16,
                false,
                1,
                new AttentionConfig(2, 8, 8, 4, 4, 6),
                new RopeConfig(10_000, new YarnConfig(40, 4096, 32, 1, 1, 1)),
                new MoeConfig(
                        4,
                        1,
                        2,
                        32,
                        MoeConfig.Scoring.SIGMOID,
                        MoeConfig.Selection.NOAUX_TC,
                        2,
                        1,
                        true,
                        2.5,
                        1,
                        1),
                List.of(0),
                List.of(1, 2),
                quantization);
    }
}

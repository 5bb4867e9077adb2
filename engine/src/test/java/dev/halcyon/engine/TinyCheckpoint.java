package dev.halcyon.engine;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.Quantization;
import dev.halcyon.checkpoint.SafetensorsWriter;
import dev.halcyon.checkpoint.TensorShape;
import dev.halcyon.checkpoint.WeightLayout;
import dev.halcyon.checkpoint.WeightNames;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// Writes a checkpoint folder with random weights under the official names, in the official types.
///
/// Weights are as wide as a trained model's relative to their inputs, so that logits lie well
/// apart.
final class TinyCheckpoint {
    private record Values(ElementType type, TensorShape shape, double[] values) {}

    private final ModelConfig config;
    private final WeightNames names;
    private final Random random;
    private final Map<String, Values> tensors = new LinkedHashMap<>();

    private TinyCheckpoint(ModelConfig config, WeightNames names, long seed) {
        this.config = config;
        this.names = names;
        this.random = new Random(seed);
        for (WeightLayout.Slot slot : WeightLayout.of(config, names).slots()) {
            add(slot.name(), slot.type(), slot.shape());
        }
        for (int layer = config.layers();
                layer < config.layers() + config.predictionLayers();
                layer++) {
            addPredictionLayer(names.layer(layer).prefix());
        }
    }

    static TinyCheckpoint of(ModelConfig config, long seed) {
        return new TinyCheckpoint(config, new WeightNames(""), seed);
    }

    /// As the language model inside a multimodal one: Kimi K2.5.
    static TinyCheckpoint wrapped(ModelConfig config, long seed) {
        return new TinyCheckpoint(config, new WeightNames("language_model."), seed);
    }

    private void add(String name, ElementType type, TensorShape shape) {
        int count = Math.toIntExact(shape.elements());
        double[] values = new double[count];
        boolean matrix = shape.rank() == 2;
        double scale = matrix ? 1.7 / Math.sqrt(shape.dim(1)) : 1;
        for (int i = 0; i < count; i++) {
            if (name.endsWith("_shape")) {
                // Rows, then columns, which the words before have told.
                values[i] = packedShape(name)[i];
            } else if (type == ElementType.I32) {
                values[i] = random.nextInt();
            } else if (type == ElementType.F8_E4M3) {
                values[i] = random.nextGaussian() * 60;
            } else if (name.endsWith("_scale") || name.endsWith("_scale_inv")) {
                values[i] = (0.5 + random.nextDouble()) / (type == ElementType.BF16 ? 20 : 250);
            } else if (name.contains("norm")) {
                values[i] = 0.75 + random.nextDouble() / 2;
            } else if (name.endsWith("e_score_correction_bias")) {
                values[i] = random.nextGaussian() / 10;
            } else if (name.equals(names.embedding())) {
                values[i] = random.nextGaussian();
            } else {
                values[i] = random.nextGaussian() * scale;
            }
        }
        put(name, type, shape, values);
    }

    private double[] packedShape(String name) {
        Values words =
                tensors.get(name.substring(0, name.length() - "_shape".length()) + "_packed");
        return new double[] {
            words.shape().dim(0), words.shape().dim(1) * Quantization.PackedInt4.PER_WORD
        };
    }

    /// Enough of it to see that it is passed by: a layer of its own, joined to the model by two
    /// norms and a projection.
    private void addPredictionLayer(String prefix) {
        int hidden = config.hiddenSize();
        for (String norm : new String[] {"enorm", "hnorm", "input_layernorm", "shared_head.norm"}) {
            add(prefix + norm + ".weight", config.type(), TensorShape.of(hidden));
        }
        add(prefix + "eh_proj.weight", config.type(), TensorShape.of(hidden, 2L * hidden));
        add(
                prefix + "embed_tokens.weight",
                config.type(),
                TensorShape.of(config.vocabularySize(), hidden));
        add(
                prefix + "shared_head.head.weight",
                config.type(),
                TensorShape.of(config.vocabularySize(), hidden));
    }

    TinyCheckpoint put(String name, ElementType type, TensorShape shape, double... values) {
        tensors.put(name, new Values(type, shape, values));
        return this;
    }

    /// Takes a tensor over from another checkpoint.
    TinyCheckpoint copy(String name, TinyCheckpoint from) {
        Values values = from.tensors.get(name);
        return put(name, values.type(), values.shape(), values.values());
    }

    TinyCheckpoint remove(Predicate<String> which) {
        tensors.keySet().removeIf(which);
        return this;
    }

    /// Stores tensors in another type.
    TinyCheckpoint retype(Predicate<String> which, ElementType type) {
        tensors.replaceAll(
                (name, old) ->
                        which.test(name) ? new Values(type, old.shape(), old.values()) : old);
        return this;
    }

    Path write(Path folder) {
        return write(folder, 1);
    }

    /// Writes the folder, with an index if there is more than one shard.
    Path write(Path folder, int shards) {
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve(CheckpointFolder.CONFIG_FILE_NAME), json());
            if (shards == 1) {
                writeShard(folder, CheckpointFolder.SINGLE_FILE_NAME, 0, 1);
            } else {
                writeShards(folder, shards);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return folder;
    }

    private String json() {
        return names.prefix().isEmpty()
                ? config.toJson()
                : "{\"model_type\": \"kimi_k25\", \"architectures\":"
                        + " [\"KimiK25ForConditionalGeneration\"],\n"
                        + "\"vision_config\": {\"hidden_size\": 7},\n"
                        + "\"text_config\": "
                        + config.toJson()
                        + "}\n";
    }

    private void writeShards(Path folder, int shards) throws IOException {
        Map<String, String> shardOf = new LinkedHashMap<>();
        for (int shard = 0; shard < shards; shard++) {
            String file = String.format("model-%05d-of-%05d.safetensors", shard + 1, shards);
            writeShard(folder, file, shard, shards).forEach(name -> shardOf.put(name, file));
        }
        String map =
                shardOf.entrySet().stream()
                        .map(entry -> "\"" + entry.getKey() + "\": \"" + entry.getValue() + "\"")
                        .collect(Collectors.joining(",\n"));
        Files.writeString(
                folder.resolve("model.safetensors.index.json"),
                "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {\n" + map + "}}\n");
    }

    private Iterable<String> writeShard(Path folder, String file, int shard, int shards) {
        SafetensorsWriter writer =
                SafetensorsWriter.to(folder.resolve(file)).metadata("format", "pt");
        Map<String, Values> mine = new LinkedHashMap<>();
        int number = 0;
        for (Map.Entry<String, Values> tensor : tensors.entrySet()) {
            if (number++ % shards == shard) {
                mine.put(tensor.getKey(), tensor.getValue());
            }
        }
        mine.forEach(
                (name, tensor) ->
                        writer.tensor(name, tensor.type(), tensor.shape(), tensor.values()));
        writer.write();
        return mine.keySet();
    }
}

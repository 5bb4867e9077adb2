package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class CheckpointFolderTest {
    @TempDir Path folder;

    @BeforeEach
    void config() {
        PublishedConfigs.tiny(new Quantization.Unquantized()).write(folder.resolve("config.json"));
    }

    private void shard(String file, String... names) {
        SafetensorsWriter writer = SafetensorsWriter.to(folder.resolve(file));
        for (String name : names) {
            writer.tensor(name, ElementType.I32, TensorShape.of(1), name.hashCode());
        }
        writer.write();
    }

    private void index(Map<String, String> weightMap) throws IOException {
        String json =
                PublishedConfigs.MAPPER.writeValueAsString(
                        Map.of("metadata", Map.of("total_size", 1), "weight_map", weightMap));
        Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }

    private void twoShards() throws IOException {
        shard("model-00001-of-00002.safetensors", "a", "b", "unlisted");
        shard("model-00002-of-00002.safetensors", "c");
        Map<String, String> map = new LinkedHashMap<>();
        map.put("a", "model-00001-of-00002.safetensors");
        map.put("c", "model-00002-of-00002.safetensors");
        map.put("b", "model-00001-of-00002.safetensors");
        index(map);
    }

    private void refused(String... parts) {
        assertThatThrownBy(() -> CheckpointFolder.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void findsTensorsAmongShards() throws IOException {
        twoShards();
        assertThat(CheckpointFolder.isCheckpoint(folder)).isTrue();
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThat(checkpoint.root()).isEqualTo(folder);
            assertThat(checkpoint.config().layers()).isEqualTo(3);
            assertThat(checkpoint.names()).containsExactly("a", "c", "b");
            assertThat(checkpoint.contains("unlisted")).isFalse();
            assertThat(checkpoint.file("b"))
                    .isSameAs(checkpoint.file("a"))
                    .isNotSameAs(checkpoint.file("c"));
            assertThat(checkpoint.file("c").readInts("c")).containsExactly("c".hashCode());
            assertThat(checkpoint.segment("c").byteSize()).isEqualTo(4);
            assertThat(checkpoint.require("a", TensorShape.of(1)).type())
                    .isEqualTo(ElementType.I32);
            assertThatThrownBy(() -> checkpoint.require("a", TensorShape.of(1, 1)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("\"a\" I32[1]", "should have the shape [1, 1]");
            assertThatThrownBy(() -> checkpoint.require("d"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("index.json", "no tensor \"d\"");
            checkpoint.openAll();
            assertThat(checkpoint).hasToString(folder + " (3 tensors in 2 files)");
        }
    }

    @Test
    void opensShardsOnlyWhenAsked() throws IOException {
        twoShards();
        Files.write(folder.resolve("model-00002-of-00002.safetensors"), new byte[3]);
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThat(checkpoint.require("a").name()).isEqualTo("a");
            assertThatThrownBy(() -> checkpoint.segment("c"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("model-00002-of-00002.safetensors", "3 bytes");
            assertThatThrownBy(checkpoint::openAll).isInstanceOf(CheckpointException.class);
            assertThat(checkpoint.segment("b").byteSize()).isEqualTo(4);
        }
    }

    @Test
    void singleFileIsPreferred() throws IOException {
        twoShards();
        shard("model.safetensors", "only");
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("only");
            assertThat(checkpoint.file("only").readInts("only")).containsExactly("only".hashCode());
            assertThatThrownBy(() -> checkpoint.require("onli"))
                    .hasMessageContainingAll("model.safetensors", "near names are \"only\"");
        }
    }

    @Test
    void closingFollowsTheOwner() throws IOException {
        twoShards();
        CheckpointFolder own = CheckpointFolder.open(folder);
        MemorySegment slice = own.segment("a");
        own.close();
        own.close();
        assertThatThrownBy(() -> slice.get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
        try (Arena arena = Arena.ofConfined()) {
            CheckpointFolder borrowed = CheckpointFolder.open(folder, arena);
            MemorySegment kept = borrowed.segment("a");
            borrowed.close();
            assertThat(kept.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) "a".hashCode());
        }
    }

    @Test
    void refusesFoldersWithoutTheirParts() throws IOException {
        refused("neither model.safetensors nor model.safetensors.index.json");
        assertThat(CheckpointFolder.isCheckpoint(folder)).isFalse();
        Files.delete(folder.resolve("config.json"));
        refused("config.json", "does not exist");
        assertThatThrownBy(() -> CheckpointFolder.open(folder.resolve("no")))
                .hasMessageContaining("does not exist");
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> CheckpointFolder.open(file)).hasMessageContaining("not a folder");
    }

    @Test
    void refusesMissingShard() throws IOException {
        twoShards();
        Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
        refused("index.json", "model-00002-of-00002.safetensors", "not in the folder");
    }

    @Test
    void refusesTensorListedButAbsent() throws IOException {
        shard("s.safetensors", "a");
        index(Map.of("a", "s.safetensors", "ghost", "s.safetensors"));
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThatThrownBy(() -> checkpoint.segment("a"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("\"ghost\"", "\"s.safetensors\"", "does not hold it");
        }
    }

    @Test
    void refusesTensorInTwoShards() throws IOException {
        shard("s1.safetensors", "a", "b");
        shard("s2.safetensors", "b", "c");
        index(Map.of("a", "s1.safetensors", "b", "s1.safetensors", "c", "s2.safetensors"));
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThat(checkpoint.require("b").name()).isEqualTo("b");
            assertThatThrownBy(() -> checkpoint.require("c"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("\"b\"", "\"s1.safetensors\"", "\"s2.safetensors\"");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x.safetensors",
                "/etc/x.safetensors",
                "a/b.safetensors",
                "a\\b.safetensors",
                "..\\x.safetensors",
                "C:x.safetensors",
                ".safetensors",
                ".hidden.safetensors",
                "x.bin",
                "",
                "x.safetensors\u0000",
                "x\n.safetensors"
            })
    void refusesShardNamesThatAreNotPlain(String name) throws IOException {
        index(Map.of("a", name));
        refused("index.json", "\"a\"", "plain file name");
    }

    @Test
    void refusesBadIndexes() throws IOException {
        Path index = folder.resolve("model.safetensors.index.json");
        Files.writeString(index, "{}");
        refused("has no weight_map");
        Files.writeString(index, "{\"weight_map\":[]}");
        refused("weight_map that is not an object");
        Files.writeString(index, "{\"weight_map\":{}}");
        refused("empty weight_map");
        Files.writeString(index, "{\"weight_map\":{\"a\":1}}");
        refused("\"a\"", "other than a string");
        Files.writeString(
                index, "{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"y.safetensors\"}}");
        refused("Duplicate", "a");
        Files.writeString(index, "[1]");
        refused("index is not a JSON object");
    }

    @Test
    void layoutOfEveryKindCanBeWrittenAndChecked() throws IOException {
        for (Quantization quantization :
                List.of(
                        new Quantization.Unquantized(),
                        new Quantization.Fp8Blocks(16, 16, false),
                        new Quantization.PackedInt4(
                                32,
                                List.of("re:.*self_attn.*", "re:.*mlp\\.(gate|up|down)_proj.*")))) {
            ModelConfig config = PublishedConfigs.tiny(quantization);
            for (String prefix : List.of("", "language_model.")) {
                Path root = Files.createTempDirectory(folder, "tiny");
                config.write(root.resolve("config.json"));
                WeightLayout layout = WeightLayout.of(config, new WeightNames(prefix));
                write(root, layout);
                try (CheckpointFolder checkpoint = CheckpointFolder.open(root)) {
                    assertThat(WeightNames.in(checkpoint)).isEqualTo(new WeightNames(prefix));
                    layout.check(checkpoint);
                    assertThat(checkpoint.names()).hasSize(layout.slots().size());
                }
            }
        }
    }

    @Test
    void layoutCheckNamesWhatIsMissingOrOfAnotherShape() throws IOException {
        ModelConfig config = PublishedConfigs.tiny(new Quantization.Unquantized());
        WeightLayout layout = WeightLayout.of(config, new WeightNames(""));
        write(folder, new WeightLayout(layout.slots().subList(1, layout.slots().size())));
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThatThrownBy(() -> layout.check(checkpoint))
                    .hasMessageContaining("\"model.embed_tokens.weight\"");
        }
        WeightLayout.Slot wrong =
                new WeightLayout.Slot(
                        "model.embed_tokens.weight", ElementType.BF16, TensorShape.of(41, 32));
        write(folder, new WeightLayout(List.of(wrong)));
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThatThrownBy(() -> layout.check(checkpoint))
                    .hasMessageContainingAll("[41, 32]", "[40, 32]");
        }
    }

    private static void write(Path root, WeightLayout layout) {
        SafetensorsWriter writer = SafetensorsWriter.to(root.resolve("model.safetensors"));
        for (WeightLayout.Slot slot : layout.slots()) {
            writer.tensor(
                    slot.name(),
                    slot.type(),
                    slot.shape(),
                    (chunk, firstByte) -> chunk.fill((byte) 0));
        }
        writer.write();
    }

    @Test
    void aWeightWithoutScalesIsPlainUnlessItIsMissing() {
        Quantization fp8 = new Quantization.Fp8Blocks(128, 128, false);
        PublishedConfigs.tiny(fp8).write(folder.resolve("config.json"));
        SafetensorsWriter.to(folder.resolve("model.safetensors"))
                .tensor("scaled.weight", ElementType.F8_E4M3, TensorShape.of(1, 1), 1)
                .tensor("scaled.weight_scale_inv", ElementType.F32, TensorShape.of(1, 1), 1)
                .tensor("plain.weight", ElementType.BF16, TensorShape.of(1, 1), 1)
                .tensor("lost.weight", ElementType.F8_E4M3, TensorShape.of(1, 1), 1)
                .write();
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThat(checkpoint.isQuantised("scaled.weight")).isTrue();
            assertThat(checkpoint.isQuantised("plain.weight")).isFalse();
            assertThat(checkpoint.isQuantised("lost.weight")).isTrue();
            assertThat(checkpoint.isQuantised("absent.weight")).isTrue();
        }
        Quantization int4 = new Quantization.PackedInt4(8, List.of("lm_head"));
        PublishedConfigs.tiny(int4).write(folder.resolve("config.json"));
        SafetensorsWriter.to(folder.resolve("model.safetensors"))
                .tensor("packed.weight_packed", ElementType.I32, TensorShape.of(1, 1), 1)
                .tensor("plain.weight", ElementType.BF16, TensorShape.of(1, 1), 1)
                .write();
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            assertThat(checkpoint.isQuantised("packed.weight")).isTrue();
            assertThat(checkpoint.isQuantised("plain.weight")).isFalse();
            assertThat(checkpoint.isQuantised("absent.weight")).isTrue();
            assertThat(checkpoint.isQuantised("lm_head.weight")).isFalse();
        }
    }

    @Test
    void theLayoutOfAFolderFollowsWhatItHolds() {
        ModelConfig config = PublishedConfigs.tiny(new Quantization.Fp8Blocks(128, 128, false));
        config.write(folder.resolve("config.json"));
        String name = new WeightNames("").layer(0).attentionOutput();
        SafetensorsWriter.to(folder.resolve("model.safetensors"))
                .tensor(name, ElementType.BF16, TensorShape.of(1, 1), 1)
                .write();
        List<WeightLayout.Slot> stated = WeightLayout.of(config, new WeightNames("")).slots();
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            List<WeightLayout.Slot> found = WeightLayout.of(checkpoint).slots();
            assertThat(stated).anyMatch(slot -> slot.name().equals(WeightNames.blockScales(name)));
            assertThat(found).noneMatch(slot -> slot.name().equals(WeightNames.blockScales(name)));
            assertThat(found)
                    .anyMatch(slot -> slot.name().equals(name) && slot.type() == config.type());
            assertThat(found).hasSize(stated.size() - 1);
        }
    }
}

package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

class SafetensorsFileTest {
    @TempDir Path folder;

    private Path written(String name) {
        Path file = folder.resolve(name);
        SafetensorsWriter.to(file)
                .metadata("format", "pt")
                .tensor(
                        "model.layers.0.a.weight",
                        ElementType.F32,
                        TensorShape.of(2, 2),
                        1,
                        2,
                        3,
                        4)
                .tensor(
                        "model.layers.1.a.weight",
                        ElementType.BF16,
                        TensorShape.of(3),
                        -1,
                        0.5,
                        1e30)
                .tensor("ids", ElementType.I64, TensorShape.of(2), 7, -9)
                .tensor("wide", ElementType.I64, TensorShape.of(1), 0x1p40)
                .tensor("unsigned", ElementType.U64, TensorShape.of(2), 0x1p63, 5)
                .tensor(
                        "packed",
                        ElementType.F4,
                        TensorShape.of(4),
                        MemorySegment.ofArray(new byte[] {1, 2}))
                .tensor("none", ElementType.F64, TensorShape.of(0, 3))
                .write();
        return file;
    }

    @Test
    void mapsTensorsWithoutCopying() {
        try (SafetensorsFile file = SafetensorsFile.open(written("a.safetensors"))) {
            assertThat(file.path()).isEqualTo(folder.resolve("a.safetensors"));
            assertThat(file.metadata()).containsExactly(java.util.Map.entry("format", "pt"));
            assertThat(file.tensors())
                    .hasSize(7)
                    .allSatisfy((name, entry) -> assertThat(entry.aligned()).isTrue());
            MemorySegment segment = file.segment("model.layers.0.a.weight");
            assertThat(segment.isMapped()).isTrue();
            assertThat(segment.isReadOnly()).isTrue();
            assertThat(segment.byteSize()).isEqualTo(16);
            assertThat(
                            segment.getAtIndex(
                                    ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN), 3))
                    .isEqualTo(4f);
            assertThat(file.segment("none").byteSize()).isZero();
            assertThat(file).hasToString(folder.resolve("a.safetensors") + " (7 tensors)");
        }
    }

    @Test
    void decodesNumbers() {
        try (SafetensorsFile file = SafetensorsFile.open(written("a.safetensors"))) {
            assertThat(file.readDoubles("model.layers.0.a.weight")).containsExactly(1, 2, 3, 4);
            assertThat(file.readDoubles("ids")).containsExactly(7, -9);
            assertThat(file.readDoubles("unsigned")).containsExactly(0x1p63, 5);
            assertThat(file.readDoubles("none")).isEmpty();
            assertThat(file.readInts("ids")).containsExactly(7, -9);
            assertThatThrownBy(() -> file.readDoubles("packed"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("\"packed\" F4[4]", "segment");
            assertThatThrownBy(() -> file.readInts("model.layers.0.a.weight"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("does not hold integers");
            assertThatThrownBy(() -> file.readInts("wide"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("element 0", "1099511627776");
            assertThatThrownBy(() -> file.readInts("unsigned"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("9223372036854775808");
        }
    }

    @Test
    void unknownNameListsNearOnes() {
        try (SafetensorsFile file = SafetensorsFile.open(written("a.safetensors"))) {
            assertThatThrownBy(() -> file.require("model.layers.7.a.weight"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll(
                            "model.layers.7.a.weight",
                            "model.layers.0.a.weight",
                            "model.layers.1.a.weight");
            assertThatThrownBy(() -> file.segment("zzz"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("none of its 7 names");
        }
    }

    @Test
    void requireChecksTypeAndShape() {
        try (SafetensorsFile file = SafetensorsFile.open(written("a.safetensors"))) {
            String name = "model.layers.0.a.weight";
            assertThat(file.require(name, ElementType.F32, TensorShape.of(2, 2)).name())
                    .isEqualTo(name);
            assertThatThrownBy(() -> file.require(name, ElementType.BF16, TensorShape.of(2, 2)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("F32[2, 2]", "BF16[2, 2]");
            assertThatThrownBy(() -> file.require(name, ElementType.F32, TensorShape.of(4)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("F32[4]");
            TensorEntry foreign = new TensorEntry("ids", ElementType.I8, TensorShape.of(1), 0, 1);
            assertThatThrownBy(() -> file.segment(foreign))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void closingEndsOwnMappingsButNotTheCallers() {
        Path path = written("a.safetensors");
        SafetensorsFile own = SafetensorsFile.open(path);
        MemorySegment slice = own.segment("ids");
        own.close();
        own.close();
        assertThatThrownBy(() -> slice.get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
        try (Arena arena = Arena.ofConfined()) {
            SafetensorsFile borrowed = SafetensorsFile.open(path, arena);
            MemorySegment kept = borrowed.segment("ids");
            borrowed.close();
            assertThat(kept.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 7);
        }
    }

    @Test
    void keepsReadingAFileThatIsReplaced() {
        Path path = written("a.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            SafetensorsWriter.to(path)
                    .tensor("other", ElementType.I8, TensorShape.of(1), 1)
                    .write();
            assertThat(file.readInts("ids")).containsExactly(7, -9);
        }
    }

    @Test
    void refusesWhatIsNotAFile() {
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("absent")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> SafetensorsFile.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("not a regular file");
    }

    @Test
    void refusesDamagedFilesAndLeavesTheCallersArenaUsable() throws IOException {
        Path path = written("a.safetensors");
        byte[] bytes = Files.readAllBytes(path);
        try (Arena arena = Arena.ofConfined()) {
            for (int length = 0; length < bytes.length; length += 7) {
                Path cut = folder.resolve("cut.safetensors");
                Files.write(cut, java.util.Arrays.copyOf(bytes, length));
                assertThatThrownBy(() -> SafetensorsFile.open(cut))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("cut.safetensors");
                assertThatThrownBy(() -> SafetensorsFile.open(cut, arena))
                        .isInstanceOf(CheckpointException.class);
            }
            Files.write(path, new byte[] {0}, StandardOpenOption.APPEND);
            assertThatThrownBy(() -> SafetensorsFile.open(path)).hasMessageContaining("appended");
            assertThat(arena.scope().isAlive()).isTrue();
        }
    }

    @Test
    void refusesToDecodeMoreThanAnArrayHolds() throws IOException {
        Path path = folder.resolve("sparse.safetensors");
        byte[] head =
                RawSafetensors.bytes(
                        "{" + RawSafetensors.tensor("big", "I8", "[2147483648]", 0, 1L << 31) + "}",
                        0);
        try (var channel =
                Files.newByteChannel(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(java.nio.ByteBuffer.wrap(head));
            channel.position(head.length + (1L << 31) - 1);
            channel.write(java.nio.ByteBuffer.wrap(new byte[] {9}));
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.segment("big").get(ValueLayout.JAVA_BYTE, (1L << 31) - 1))
                    .isEqualTo((byte) 9);
            assertThatThrownBy(() -> file.readInts("big"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("does not fit one array");
        } finally {
            Files.delete(path);
        }
    }
}

package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

class SafetensorsWriterTest {
    private static final List<ElementType> TYPES = List.of(ElementType.values());

    @TempDir Path folder;

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void readsBackRandomFilesOfEveryType() {
        for (long seed = 0; seed < 50; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            Path path = folder.resolve("random.safetensors");
            SafetensorsWriter writer = SafetensorsWriter.to(path);
            List<byte[]> data = new ArrayList<>();
            List<String> names = new ArrayList<>();
            int count = random.nextInt(12);
            for (int i = 0; i < count; i++) {
                ElementType type = TYPES.get(random.nextInt(TYPES.size()));
                TensorShape shape = TensorShape.of(random.nextInt(4), 8, random.nextInt(1, 5));
                byte[] bytes = new byte[(int) type.bytes(shape.elements())];
                random.nextBytes(bytes);
                data.add(bytes);
                names.add("t\u00e9nsor \"" + i + "\"\n" + type);
                writer.tensor(names.getLast(), type, shape, MemorySegment.ofArray(bytes));
            }
            writer.metadata("seed", Long.toString(seed)).write();
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                assertThat(file.tensors()).hasSize(count);
                assertThat(file.metadata()).containsEntry("seed", Long.toString(seed));
                for (int i = 0; i < count; i++) {
                    assertThat(file.segment(names.get(i)).toArray(ValueLayout.JAVA_BYTE))
                            .as("seed %d tensor %d", seed, i)
                            .isEqualTo(data.get(i));
                    assertThat(file.require(names.get(i)).aligned()).isTrue();
                }
            }
        }
    }

    @Test
    void asksForLargeTensorsInChunksOfWholeElements() {
        Path path = folder.resolve("large.safetensors");
        long elements = 3_000_001;
        List<Long> starts = new ArrayList<>();
        SafetensorsWriter.to(path)
                .tensor(
                        "w",
                        ElementType.I64,
                        TensorShape.of(elements),
                        (chunk, firstByte) -> {
                            starts.add(firstByte);
                            for (long i = 0; i < chunk.byteSize() / Long.BYTES; i++) {
                                chunk.setAtIndex(
                                        ValueLayout.JAVA_LONG, i, 3 * (firstByte / Long.BYTES + i));
                            }
                        })
                .write();
        assertThat(starts)
                .hasSizeGreaterThan(2)
                .isSorted()
                .allMatch(start -> start % Long.BYTES == 0);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            MemorySegment segment = file.segment("w");
            for (long i = 0; i < elements; i++) {
                if (segment.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i) != 3 * i) {
                    throw new AssertionError("element " + i);
                }
            }
        }
    }

    @Test
    void leavesTheOldFileAndNothingElseWhenAFillerFails() throws IOException {
        Path path = folder.resolve("w.safetensors");
        SafetensorsWriter.to(path).tensor("old", ElementType.I8, TensorShape.of(1), 1).write();
        SafetensorsWriter failing =
                SafetensorsWriter.to(path)
                        .tensor(
                                "new",
                                ElementType.I8,
                                TensorShape.of(1),
                                (chunk, firstByte) -> {
                                    throw new IllegalStateException("source gone");
                                });
        assertThatThrownBy(failing::write)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("source gone");
        assertThat(left()).containsExactly("w.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.readInts("old")).containsExactly(1);
        }
        assertThatThrownBy(failing::write)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("already");
    }

    @Test
    void leavesNothingWhenSourceDataDied() throws IOException {
        MemorySegment dead;
        SafetensorsWriter writer;
        try (Arena arena = Arena.ofConfined()) {
            dead = arena.allocate(4);
            writer =
                    SafetensorsWriter.to(folder.resolve("w.safetensors"))
                            .tensor("a", ElementType.F32, TensorShape.of(1), dead);
        }
        assertThatThrownBy(writer::write).isInstanceOf(IllegalStateException.class);
        assertThat(left()).isEmpty();
    }

    @Test
    void reportsAFolderThatIsNotThereOrATargetThatIsAFolder() throws IOException {
        assertThatThrownBy(() -> SafetensorsWriter.to(folder.resolve("no/w.safetensors")).write())
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("cannot be written");
        Path occupied = folder.resolve("occupied");
        Files.createDirectories(occupied.resolve("inside"));
        assertThatThrownBy(() -> SafetensorsWriter.to(occupied).write())
                .isInstanceOf(CheckpointException.class);
        assertThat(left()).containsExactly("occupied");
    }

    @Test
    void refusesWhatNoReaderWouldAccept() {
        SafetensorsWriter writer = SafetensorsWriter.to(folder.resolve("w.safetensors"));
        TensorShape one = TensorShape.of(1);
        writer.tensor("a", ElementType.I8, one, 1).metadata("k", "v");
        assertThatThrownBy(() -> writer.tensor("a", ElementType.I8, one, 1))
                .hasMessageContaining("already added");
        assertThatThrownBy(() -> writer.metadata("k", "w")).hasMessageContaining("already added");
        assertThatThrownBy(() -> writer.tensor("__metadata__", ElementType.I8, one, 1))
                .hasMessageContaining("reserved");
        assertThatThrownBy(() -> writer.tensor("b", ElementType.I8, one, 1, 2))
                .hasMessageContaining("needs 1 values, 2");
        assertThatThrownBy(
                        () ->
                                writer.tensor(
                                        "b",
                                        ElementType.I8,
                                        one,
                                        MemorySegment.ofArray(new byte[2])))
                .hasMessageContaining("needs 1 bytes, its data has 2");
        assertThatThrownBy(
                        () ->
                                writer.tensor(
                                        "b", ElementType.F4, TensorShape.of(3), MemorySegment.NULL))
                .hasMessageContaining("whole bytes");
        assertThatThrownBy(
                        () ->
                                writer.tensor(
                                        "b",
                                        ElementType.F64,
                                        TensorShape.of(1L << 60),
                                        MemorySegment.NULL))
                .hasMessageContaining("no size in bytes");
        assertThatThrownBy(() -> writer.tensor("x".repeat(5000), ElementType.I8, one, 1))
                .hasMessageContaining("longer");
        assertThatThrownBy(() -> writer.tensor("half \ud800", ElementType.I8, one, 1))
                .hasMessageContaining("surrogate");
        assertThatThrownBy(() -> writer.metadata("k2", "half \udc00"))
                .hasMessageContaining("surrogate");
        assertThatThrownBy(
                        () ->
                                writer.tensor(
                                        "b",
                                        ElementType.I8,
                                        TensorShape.of(new long[65]),
                                        MemorySegment.NULL))
                .hasMessageContaining("65");
        assertThatThrownBy(() -> writer.tensor("b", ElementType.I8, one, 300))
                .hasMessageContainingAll("element 0", "\"b\"", "300.0 does not fit I8");
        assertThatThrownBy(() -> TensorShape.of(2, -1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> TensorShape.of(1L << 40, 1L << 40))
                .hasMessageContaining("63 bits");
    }

    @Test
    void shapeAccessors() {
        TensorShape shape = TensorShape.of(2, 3);
        assertThat(shape.rank()).isEqualTo(2);
        assertThat(shape.dim(1)).isEqualTo(3);
        assertThat(shape.toArray()).containsExactly(2, 3);
        assertThat(shape.elements()).isEqualTo(6);
        assertThat(shape).hasToString("[2, 3]");
    }
}

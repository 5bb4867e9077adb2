package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/// Attacks the safetensors parser with files that are right, nearly right and wrong in every field.
@Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SafetensorsFuzzTest {
    private static final List<ElementType> TYPES = List.of(ElementType.values());

    @TempDir Path folder;

    private static byte[] file(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        JsonMutator mutator = new JsonMutator(random);
        List<Map.Entry<String, JsonMutator.Value>> members = new ArrayList<>();
        int dataBytes = tensors(random, members);
        if (random.nextBoolean()) {
            // Any order of the header is right, whatever the order of the data.
            for (int i = members.size() - 1; i > 0; i--) {
                Collections.swap(members, i, random.nextInt(i + 1));
            }
        }
        JsonMutator.Members root = new JsonMutator.Members(members);
        // Half of the files keep their structure, so that what lies behind the header check is
        // reached often.
        int breaks = random.nextBoolean() ? 0 : 1 + random.nextInt(3);
        for (int i = 0; i < breaks; i++) {
            mutator.breakSomething(root);
        }
        byte[] header =
                (mutator.write(root) + " ".repeat(random.nextInt(9)))
                        .getBytes(StandardCharsets.UTF_8);
        if (random.nextInt(12) == 0) {
            header = mutator.damage(header);
        }
        long stated = random.nextInt(25) == 0 ? oddLength(random, header.length) : header.length;
        int data = random.nextInt(25) == 0 ? random.nextInt(2 * dataBytes + 2) : dataBytes;
        byte[] file = RawSafetensors.bytes(stated, header, data);
        return random.nextInt(25) == 0 ? mutator.damage(file) : file;
    }

    private static int tensors(
            SplittableRandom random, List<Map.Entry<String, JsonMutator.Value>> members) {
        int offset = 0;
        int count = random.nextInt(7);
        for (int i = 0; i < count; i++) {
            ElementType type = TYPES.get(random.nextInt(TYPES.size()));
            List<JsonMutator.Value> dims = new ArrayList<>();
            long elements = 1;
            for (int axis = random.nextInt(4); axis > 0; axis--) {
                int dim = random.nextInt(6);
                dims.add(new JsonMutator.Raw(Integer.toString(dim)));
                elements *= dim;
            }
            if (type.bits() % Byte.SIZE != 0) {
                dims.add(new JsonMutator.Raw("8"));
                elements *= 8;
            }
            if (random.nextInt(40) == 0) {
                // A hole or an overlap that nothing else gives away.
                offset = Math.max(0, offset + random.nextInt(-4, 5));
            }
            int end = offset + (int) type.bytes(elements);
            List<Map.Entry<String, JsonMutator.Value>> fields = new ArrayList<>();
            fields.add(Map.entry("dtype", new JsonMutator.Text(type.name())));
            fields.add(Map.entry("shape", new JsonMutator.Items(dims)));
            fields.add(
                    Map.entry(
                            "data_offsets",
                            new JsonMutator.Items(
                                    new ArrayList<>(
                                            List.of(
                                                    new JsonMutator.Raw(Integer.toString(offset)),
                                                    new JsonMutator.Raw(Integer.toString(end)))))));
            if (random.nextInt(10) == 0) {
                fields.add(Map.entry("later", new JsonMutator.Items(new ArrayList<>())));
            }
            members.add(
                    Map.entry("model.layers." + i + ".weight", new JsonMutator.Members(fields)));
            offset = end;
        }
        if (random.nextBoolean()) {
            members.add(
                    Map.entry(
                            "__metadata__",
                            new JsonMutator.Members(
                                    new ArrayList<>(
                                            List.of(Map.entry("k", new JsonMutator.Text("v")))))));
        }
        return offset;
    }

    private static long oddLength(SplittableRandom random, int right) {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> right + random.nextInt(-8, 9);
            case 2 -> SafetensorsHeader.MOST_HEADER_BYTES + random.nextInt(-1, 2);
            case 3 -> 1L << random.nextInt(64);
            case 4 -> -1;
            default -> random.nextLong();
        };
    }

    private static void check(byte[] file) {
        SafetensorsHeader header = RawSafetensors.parse(file);
        long covered = Long.BYTES + ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        for (TensorEntry entry : header.tensors().values()) {
            if (entry.byteOffset() != covered
                    || entry.byteLength() != entry.type().bytes(entry.shape().elements())) {
                throw new IllegalStateException("accepted " + entry);
            }
            covered += entry.byteLength();
        }
        if (covered != file.length) {
            throw new IllegalStateException(
                    "accepted " + covered + " of " + file.length + " bytes");
        }
    }

    @Test
    void headerParserTakesAnything() {
        Fuzzing.Verdicts verdicts =
                Fuzzing.run(
                        Fuzzing.inputs(), SafetensorsFuzzTest::file, SafetensorsFuzzTest::check);
        assertThat(verdicts.acceptedShare())
                .as("share of inputs that pass the header check: %s", verdicts)
                .isBetween(1.0 / 3, 0.7);
    }

    @Test
    void mappedFilesTakeAnything() {
        Path path = folder.resolve("fuzz.safetensors");
        Fuzzing.Verdicts verdicts =
                Fuzzing.run(
                        Fuzzing.inputs() / 20,
                        SafetensorsFuzzTest::file,
                        file -> {
                            try {
                                Files.write(path, file);
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                            try (SafetensorsFile opened = SafetensorsFile.open(path)) {
                                for (TensorEntry entry : opened.tensors().values()) {
                                    byte[] mapped =
                                            opened.segment(entry).toArray(ValueLayout.JAVA_BYTE);
                                    int from = Math.toIntExact(entry.byteOffset());
                                    if (!Arrays.equals(
                                            mapped,
                                            Arrays.copyOfRange(file, from, from + mapped.length))) {
                                        throw new IllegalStateException("other bytes in " + entry);
                                    }
                                    if (ElementCodec.handles(entry.type())) {
                                        assertThat(opened.readDoubles(entry.name()))
                                                .hasSize((int) entry.shape().elements());
                                    }
                                }
                            }
                        });
        assertThat(verdicts.acceptedShare()).as("%s", verdicts).isGreaterThan(1.0 / 3);
    }
}

package dev.halcyon.checkpoint;

import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/// Writes one safetensors file: collect tensors, then [#write()]; the file appears whole or not at
/// all.
///
/// Data is asked for only while writing, a few MiB at a time, so a file may be far larger than
/// memory. Tensors are laid out by falling element size, in the order they were added within a
/// size, which keeps each of them aligned for a mapped read.
///
/// ```java
/// SafetensorsWriter.to(path)
///         .metadata("format", "pt")
///         .tensor("model.norm.weight", ElementType.BF16, TensorShape.of(3), 1.0, 0.5, 2.0)
///         .write();
/// ```
///
/// *Threading.* One thread; a writer is used once.
public final class SafetensorsWriter {
    // Divisible by every element size including 6 bits, so that a chunk always holds whole
    // elements.
    private static final long CHUNK_BYTES = 3L << 21;

    private static final int HEADER_ALIGNMENT_BYTES = 8;

    private final Path file;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, Pending> tensors = new LinkedHashMap<>();
    private boolean written;

    private record Pending(
            String name, ElementType type, TensorShape shape, long bytes, TensorFiller filler) {}

    private SafetensorsWriter(Path file) {
        this.file = file;
    }

    /// A writer whose [#write()] creates or replaces `file`.
    public static SafetensorsWriter to(Path file) {
        return new SafetensorsWriter(file);
    }

    /// Adds a string to `__metadata__`.
    ///
    /// @throws IllegalArgumentException if the key is already there
    public SafetensorsWriter metadata(String key, String value) {
        checkName("metadata key", key);
        if (!StrictJson.wellFormed(value)) {
            throw new IllegalArgumentException(
                    "the value of metadata key "
                            + Quoted.text(key)
                            + " holds half of a surrogate pair");
        }
        if (metadata.putIfAbsent(key, value) != null) {
            throw new IllegalArgumentException(
                    "metadata key " + Quoted.text(key) + " was already added");
        }
        return this;
    }

    /// Adds a tensor whose bytes are `data`, which must stay alive and unchanged until [#write()]
    /// returns.
    ///
    /// @throws IllegalArgumentException if the name is taken or reserved, or the data is not as
    ///   long as type and shape need
    public SafetensorsWriter tensor(
            String name, ElementType type, TensorShape shape, MemorySegment data) {
        long bytes = bytes(name, type, shape);
        if (data.byteSize() != bytes) {
            throw new IllegalArgumentException(
                    "tensor "
                            + Quoted.text(name)
                            + " of "
                            + type
                            + shape
                            + " needs "
                            + bytes
                            + " bytes, its data has "
                            + data.byteSize());
        }
        return add(
                name,
                type,
                shape,
                (chunk, firstByte) ->
                        MemorySegment.copy(data, firstByte, chunk, 0, chunk.byteSize()));
    }

    /// Adds a tensor whose bytes `filler` provides while writing.
    ///
    /// @throws IllegalArgumentException if the name is taken or reserved, or type and shape have no
    ///   size in bytes
    public SafetensorsWriter tensor(
            String name, ElementType type, TensorShape shape, TensorFiller filler) {
        return add(name, type, shape, filler);
    }

    /// Adds a tensor from numbers, rounded to nearest even.
    ///
    /// @throws IllegalArgumentException if the name is taken or reserved, the count is not the
    ///   shape's, the type is packed or complex, or a value does not fit the type
    public SafetensorsWriter tensor(
            String name, ElementType type, TensorShape shape, double... values) {
        if (values.length != shape.elements()) {
            throw new IllegalArgumentException(
                    "tensor "
                            + Quoted.text(name)
                            + " of shape "
                            + shape
                            + " needs "
                            + shape.elements()
                            + " values, "
                            + values.length
                            + " were given");
        }
        MemorySegment data =
                MemorySegment.ofArray(new byte[Math.toIntExact(bytes(name, type, shape))]);
        for (int i = 0; i < values.length; i++) {
            try {
                ElementCodec.encode(type, data, i, values[i]);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "element " + i + " of tensor " + Quoted.text(name) + ": " + e.getMessage(),
                        e);
            }
        }
        return tensor(name, type, shape, data);
    }

    private SafetensorsWriter add(
            String name, ElementType type, TensorShape shape, TensorFiller filler) {
        checkName("tensor name", name);
        if (name.equals(SafetensorsHeader.METADATA_KEY)) {
            throw new IllegalArgumentException(
                    name + " is reserved by the format, name the tensor otherwise");
        }
        if (shape.rank() > SafetensorsHeader.MOST_DIMENSIONS) {
            throw new IllegalArgumentException(
                    "tensor "
                            + Quoted.text(name)
                            + " has "
                            + shape.rank()
                            + " dimensions, more than "
                            + SafetensorsHeader.MOST_DIMENSIONS);
        }
        Pending pending = new Pending(name, type, shape, bytes(name, type, shape), filler);
        if (tensors.putIfAbsent(name, pending) != null) {
            throw new IllegalArgumentException(
                    "tensor " + Quoted.text(name) + " was already added");
        }
        return this;
    }

    private static void checkName(String what, String name) {
        if (name.length() > StrictJson.LONGEST_NAME) {
            throw new IllegalArgumentException(
                    what
                            + " "
                            + Quoted.text(name)
                            + " is longer than "
                            + StrictJson.LONGEST_NAME
                            + " characters");
        }
        if (!StrictJson.wellFormed(name)) {
            throw new IllegalArgumentException(
                    what + " " + Quoted.text(name) + " holds half of a surrogate pair");
        }
    }

    private static long bytes(String name, ElementType type, TensorShape shape) {
        try {
            return type.bytes(shape.elements());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "tensor "
                            + Quoted.text(name)
                            + " of "
                            + type
                            + shape
                            + " has no size in bytes: "
                            + e.getMessage(),
                    e);
        }
    }

    /// Writes the file beside its final place, then moves it there; on any failure the old file, if
    /// there was one, is untouched and no other is left.
    ///
    /// @throws IllegalStateException if called twice
    /// @throws IllegalArgumentException if the header would exceed the 100,000,000 bytes that
    ///   readers accept
    /// @throws CheckpointException if the disk refuses; what a filler throws passes through
    public void write() {
        if (written) {
            throw new IllegalStateException("this writer has already written " + file);
        }
        written = true;
        List<Pending> layout = new ArrayList<>(tensors.values());
        layout.sort(Comparator.comparingInt((Pending p) -> p.type().bits()).reversed());
        byte[] header = header(layout);
        Path target = file.toAbsolutePath();
        Path partial =
                target.resolveSibling(
                        "." + target.getFileName() + "." + UUID.randomUUID() + ".partial");
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            partial, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                writeFully(channel, ByteBuffer.wrap(header));
                for (Pending tensor : layout) {
                    writeData(channel, tensor);
                }
                channel.force(true);
            }
            move(partial, target);
        } catch (IOException e) {
            throw new CheckpointException(
                    file.toString(),
                    "cannot be written: " + e,
                    "check the folder, its permissions and the free space",
                    e);
        } finally {
            deleteIfLeft(partial);
        }
    }

    private byte[] header(List<Pending> layout) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[SafetensorsHeader.LENGTH_BYTES]);
        try (JsonGenerator json =
                new JsonFactory().createGenerator(ObjectWriteContext.empty(), out)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectPropertyStart(SafetensorsHeader.METADATA_KEY);
                metadata.forEach(json::writeStringProperty);
                json.writeEndObject();
            }
            long begin = 0;
            for (Pending tensor : layout) {
                json.writeObjectPropertyStart(tensor.name());
                json.writeStringProperty("dtype", tensor.type().name());
                json.writeName("shape");
                long[] dims = tensor.shape().toArray();
                json.writeArray(dims, 0, dims.length);
                json.writeName("data_offsets");
                long end = Math.addExact(begin, tensor.bytes());
                json.writeArray(new long[] {begin, end}, 0, 2);
                json.writeEndObject();
                begin = end;
            }
            json.writeEndObject();
        }
        while (out.size() % HEADER_ALIGNMENT_BYTES != 0) {
            out.write(' ');
        }
        int headerBytes = out.size() - SafetensorsHeader.LENGTH_BYTES;
        if (headerBytes > SafetensorsHeader.MOST_HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "the header of "
                            + file
                            + " would have "
                            + headerBytes
                            + " bytes, over "
                            + SafetensorsHeader.MOST_HEADER_BYTES
                            + ": split the tensors over several files");
        }
        byte[] bytes = out.toByteArray();
        MemorySegment.ofArray(bytes)
                .set(
                        ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
                        0,
                        headerBytes);
        return bytes;
    }

    private static void writeData(FileChannel channel, Pending tensor) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment chunk = arena.allocate(Math.min(CHUNK_BYTES, tensor.bytes()), Long.BYTES);
            for (long at = 0; at < tensor.bytes(); at += CHUNK_BYTES) {
                MemorySegment part = chunk.asSlice(0, Math.min(CHUNK_BYTES, tensor.bytes() - at));
                tensor.filler().fill(part, at);
                writeFully(channel, part.asByteBuffer());
            }
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private static void move(Path partial, Path target) throws IOException {
        try {
            Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(partial, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static void deleteIfLeft(Path partial) {
        try {
            Files.deleteIfExists(partial);
        } catch (IOException e) {
            // The failure that led here is already on its way and matters more than a stray
            // temporary file.
        }
    }
}

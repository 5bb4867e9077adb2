package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.SequencedMap;

/// One safetensors file, mapped read-only and checked; tensors are slices of the mapping, nothing
/// is copied.
///
/// *Lifetime.* Slices die with the arena that owns the mapping: this object's own, closed by
/// [#close()], or the caller's. The file handle is not kept. Shortening the file while it is mapped
/// makes later reads of the lost part fail with an [InternalError]; replacing it by a rename, as
/// [SafetensorsWriter] does, is harmless.
///
/// *Threading.* Safe from any thread, as far as the caller's arena is.
public final class SafetensorsFile implements AutoCloseable {
    private final Path path;
    private final @Nullable Arena owned;
    private final SafetensorsHeader header;
    private final MemorySegment mapping;

    private SafetensorsFile(
            Path path, @Nullable Arena owned, SafetensorsHeader header, MemorySegment mapping) {
        this.path = path;
        this.owned = owned;
        this.header = header;
        this.mapping = mapping;
    }

    /// Maps `path` until the result is closed.
    ///
    /// @throws CheckpointException if the file cannot be read or is not a valid safetensors file
    public static SafetensorsFile open(Path path) {
        Arena arena = Arena.ofShared();
        try {
            return open(path, arena, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /// Maps `path` into the caller's `arena`, which alone decides how long; [#close()] then does
    /// nothing.
    ///
    /// @throws CheckpointException if the file cannot be read or is not a valid safetensors file
    public static SafetensorsFile open(Path path, Arena arena) {
        return open(path, arena, null);
    }

    private static SafetensorsFile open(Path path, Arena arena, @Nullable Arena owned) {
        String source = path.toString();
        if (!Files.isRegularFile(path)) {
            throw new CheckpointException(
                    source,
                    Files.exists(path) ? "is not a regular file" : "does not exist",
                    "check the path");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long fileBytes = channel.size();
            SafetensorsHeader header =
                    SafetensorsHeader.read(source, Channels.newInputStream(channel), fileBytes);
            MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, fileBytes, arena);
            return new SafetensorsFile(path, owned, header, mapping);
        } catch (IOException e) {
            throw new CheckpointException(
                    source, "cannot be read: " + e, "check its permissions and the disk", e);
        }
    }

    /// The path as it was given to `open`.
    public Path path() {
        return path;
    }

    /// The strings of `__metadata__`, empty if there are none.
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /// Every tensor by name, in the order of their data in the file.
    public SequencedMap<String, TensorEntry> tensors() {
        return header.tensors();
    }

    /// The entry of tensor `name`.
    ///
    /// @throws CheckpointException if there is none; the message lists near names
    public TensorEntry require(String name) {
        TensorEntry entry = header.tensors().get(name);
        if (entry == null) {
            throw new CheckpointException(
                    path.toString(),
                    "has no tensor " + Quoted.text(name),
                    NearNames.remedy(name, header.tensors().keySet()));
        }
        return entry;
    }

    /// The entry of tensor `name`, which must have this type and shape.
    ///
    /// @throws CheckpointException if there is none or it differs
    public TensorEntry require(String name, ElementType type, TensorShape shape) {
        TensorEntry entry = require(name);
        if (entry.type() != type || !entry.shape().equals(shape)) {
            throw new CheckpointException(
                    path.toString(),
                    "tensor " + entry + " should be " + type + shape,
                    "the file does not belong to this model configuration");
        }
        return entry;
    }

    /// The bytes of tensor `name`, a read-only slice of the mapping.
    ///
    /// @throws CheckpointException if there is no such tensor
    public MemorySegment segment(String name) {
        return segment(require(name));
    }

    /// The bytes of `entry`, a read-only slice of the mapping.
    ///
    /// @throws IllegalArgumentException if the entry is not one of this file's
    public MemorySegment segment(TensorEntry entry) {
        if (!entry.equals(header.tensors().get(entry.name()))) {
            throw new IllegalArgumentException(entry + " is not an entry of " + path);
        }
        return mapping.asSlice(entry.byteOffset(), entry.byteLength());
    }

    /// Tensor `name` decoded element by element, for tests and small tensors.
    ///
    /// Exact for every type but the 64-bit integers, which are rounded beyond 2^53.
    ///
    /// @throws CheckpointException if there is no such tensor, it does not fit an array or its type
    ///   is packed or complex
    public double[] readDoubles(String name) {
        TensorEntry entry = require(name);
        if (!ElementCodec.handles(entry.type())) {
            throw new CheckpointException(
                    path.toString(),
                    "tensor " + entry + " cannot be decoded to doubles",
                    "read its bytes with segment");
        }
        double[] values = new double[arrayLength(entry)];
        MemorySegment data = segment(entry);
        for (int i = 0; i < values.length; i++) {
            values[i] = ElementCodec.decode(entry.type(), data, i);
        }
        return values;
    }

    /// Tensor `name` of an integer type or BOOL, for tests and small tensors.
    ///
    /// @throws CheckpointException if there is no such tensor, it does not fit an array, is not of
    ///   an integer type or holds a number beyond 32 bits
    public int[] readInts(String name) {
        TensorEntry entry = require(name);
        switch (entry.type()) {
            case I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> {}
            default ->
                    throw new CheckpointException(
                            path.toString(),
                            "tensor " + entry + " does not hold integers",
                            "read it with readDoubles");
        }
        int[] values = new int[arrayLength(entry)];
        MemorySegment data = segment(entry);
        for (int i = 0; i < values.length; i++) {
            long value = ElementCodec.decodeLong(entry.type(), data, i);
            if (value != (int) value) {
                throw new CheckpointException(
                        path.toString(),
                        "element "
                                + i
                                + " of tensor "
                                + entry
                                + " is "
                                + (entry.type() == ElementType.U64
                                        ? Long.toUnsignedString(value)
                                        : value)
                                + ", too large for an int",
                        "read its bytes with segment");
            }
            values[i] = (int) value;
        }
        return values;
    }

    private int arrayLength(TensorEntry entry) {
        long elements = entry.shape().elements();
        if (elements > Integer.MAX_VALUE - 8) {
            throw new CheckpointException(
                    path.toString(),
                    "tensor " + entry + " does not fit one array",
                    "read its bytes with segment");
        }
        return (int) elements;
    }

    /// Unmaps the file if it was opened without an arena; slices become inaccessible. Closing again
    /// does nothing.
    @Override
    public void close() {
        if (owned != null && owned.scope().isAlive()) {
            owned.close();
        }
    }

    @Override
    public String toString() {
        return path + " (" + header.tensors().size() + " tensors)";
    }
}

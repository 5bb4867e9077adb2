package dev.halcyon.checkpoint;

import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// The checked header of a safetensors file.
///
/// The format: 8 bytes of little-endian header length, that many bytes of JSON that begin with `{`
/// and may end in spaces, then the data, which the tensors cover completely, without gap or
/// overlap. (Source: the format section of the safetensors README.)
///
/// @param metadata the `__metadata__` strings, in file order
/// @param tensors the tensors by name, in the order of their data
record SafetensorsHeader(Map<String, String> metadata, SequencedMap<String, TensorEntry> tensors) {
    /// The limit of the reference implementation.
    static final int MOST_HEADER_BYTES = 100_000_000;

    static final String METADATA_KEY = "__metadata__";

    static final int LENGTH_BYTES = Long.BYTES;

    /// The rank limit of the frameworks that write these files.
    static final int MOST_DIMENSIONS = 64;

    private static final String FETCH_AGAIN = "the file is truncated or damaged, fetch it again";

    private static final ValueLayout.OfLong LITTLE_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Reads and checks the header at the start of `in`, a file of `fileBytes` bytes that messages
    /// call `source`.
    ///
    /// @throws CheckpointException if anything about it contradicts the format or the file's size
    static SafetensorsHeader read(String source, InputStream in, long fileBytes)
            throws IOException {
        if (fileBytes < LENGTH_BYTES) {
            throw new CheckpointException(
                    source,
                    "the file has " + fileBytes + " bytes, too few for the 8 of its header length",
                    FETCH_AGAIN);
        }
        byte[] prefix = in.readNBytes(LENGTH_BYTES);
        if (prefix.length < LENGTH_BYTES) {
            throw new CheckpointException(
                    source, "the file ends inside its header length", FETCH_AGAIN);
        }
        long headerBytes = MemorySegment.ofArray(prefix).get(LITTLE_LONG, 0);
        if (headerBytes < 0 || headerBytes > MOST_HEADER_BYTES) {
            throw new CheckpointException(
                    source,
                    "the header length is "
                            + Long.toUnsignedString(headerBytes)
                            + " bytes, over the limit of "
                            + MOST_HEADER_BYTES,
                    "this is not a safetensors file, or it is damaged");
        }
        if (headerBytes > fileBytes - LENGTH_BYTES) {
            throw new CheckpointException(
                    source,
                    "the header length is "
                            + headerBytes
                            + " bytes, but only "
                            + (fileBytes - LENGTH_BYTES)
                            + " follow it",
                    FETCH_AGAIN);
        }
        byte[] json = in.readNBytes((int) headerBytes);
        if (json.length < headerBytes) {
            throw new CheckpointException(source, "the file ends inside its header", FETCH_AGAIN);
        }
        if (json.length == 0 || json[0] != '{') {
            throw new CheckpointException(
                    source,
                    "the header does not begin with {",
                    "this is not a safetensors file, or it is damaged");
        }
        long dataOffset = LENGTH_BYTES + headerBytes;
        return new Reading(source, dataOffset, fileBytes - dataOffset).header(json);
    }

    private record Reading(String source, long dataOffset, long dataBytes) {
        private static final String REWRITE = "write the file again with a safetensors library";

        SafetensorsHeader header(byte[] json) {
            Map<String, String> metadata = new LinkedHashMap<>();
            List<TensorEntry> entries = new ArrayList<>();
            try (JsonParser parser = StrictJson.parser(json)) {
                parser.nextToken();
                while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                    String name = parser.currentName();
                    JsonToken value = parser.nextToken();
                    if (name.equals(METADATA_KEY)) {
                        readMetadata(parser, value, metadata);
                    } else {
                        entries.add(entry(parser, value, name));
                    }
                }
                if (parser.nextToken() != null) {
                    throw new CheckpointException(
                            source, "the header goes on after its closing brace", REWRITE);
                }
            } catch (JacksonException e) {
                throw StrictJson.failure(source, "header", e);
            }
            return new SafetensorsHeader(
                    Collections.unmodifiableMap(metadata), contiguous(entries));
        }

        private void readMetadata(JsonParser parser, JsonToken value, Map<String, String> into) {
            if (value == JsonToken.VALUE_NULL) {
                return;
            }
            if (value != JsonToken.START_OBJECT) {
                throw new CheckpointException(
                        source,
                        METADATA_KEY + " is not an object",
                        "it must map strings to strings");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                if (parser.nextToken() != JsonToken.VALUE_STRING) {
                    throw new CheckpointException(
                            source,
                            METADATA_KEY
                                    + " key "
                                    + Quoted.text(key)
                                    + " holds something other than a string",
                            "it must map strings to strings");
                }
                String text = parser.getString();
                if (!StrictJson.wellFormed(text)) {
                    throw new CheckpointException(
                            source,
                            METADATA_KEY
                                    + " key "
                                    + Quoted.text(key)
                                    + " holds half of a surrogate pair",
                            REWRITE);
                }
                into.put(key, text);
            }
        }

        private TensorEntry entry(JsonParser parser, JsonToken value, String name) {
            if (value != JsonToken.START_OBJECT) {
                throw bad(name, "is described by something other than an object");
            }
            ElementType type = null;
            List<Long> dims = null;
            List<Long> offsets = null;
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = parser.currentName();
                JsonToken token = parser.nextToken();
                switch (field) {
                    case "dtype" -> type = type(parser, token, name);
                    case "shape" -> dims = longs(parser, token, name, field, MOST_DIMENSIONS);
                    case "data_offsets" -> offsets = longs(parser, token, name, field, 2);
                    // The reference implementation ignores fields that it does not know.
                    default -> parser.skipChildren();
                }
            }
            if (type == null || dims == null || offsets == null) {
                throw bad(
                        name,
                        "lacks "
                                + (type == null
                                        ? "dtype"
                                        : dims == null ? "shape" : "data_offsets"));
            }
            return place(name, type, dims, offsets);
        }

        private ElementType type(JsonParser parser, JsonToken token, String name) {
            if (token != JsonToken.VALUE_STRING) {
                throw bad(name, "has a dtype that is not a string");
            }
            String dtype = parser.getString();
            ElementType type = ElementType.named(dtype);
            if (type == null) {
                throw new CheckpointException(
                        source,
                        "tensor "
                                + Quoted.text(name)
                                + " has the unknown dtype "
                                + Quoted.text(dtype),
                        "known are " + ElementType.known());
            }
            return type;
        }

        private List<Long> longs(
                JsonParser parser, JsonToken token, String name, String field, int most) {
            if (token != JsonToken.START_ARRAY) {
                throw bad(name, "has a " + field + " that is not an array");
            }
            List<Long> values = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                    throw bad(name, "has a " + field + " with something other than integers in it");
                }
                if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                    throw bad(
                            name,
                            "has the number "
                                    + parser.getString()
                                    + " in its "
                                    + field
                                    + ", more than 63 bits");
                }
                if (parser.getLongValue() < 0) {
                    throw bad(
                            name,
                            "has the negative number "
                                    + parser.getLongValue()
                                    + " in its "
                                    + field);
                }
                if (values.size() == most) {
                    throw bad(name, "has more than " + most + " numbers in its " + field);
                }
                values.add(parser.getLongValue());
            }
            return values;
        }

        private TensorEntry place(
                String name, ElementType type, List<Long> dims, List<Long> offsets) {
            TensorShape shape;
            long bytes;
            try {
                shape = new TensorShape(dims);
                bytes = type.bytes(shape.elements());
            } catch (IllegalArgumentException | ArithmeticException e) {
                throw new CheckpointException(
                        source,
                        "tensor "
                                + Quoted.text(name)
                                + " of "
                                + type
                                + dims
                                + " has no size in bytes: "
                                + e.getMessage(),
                        REWRITE,
                        e);
            }
            if (offsets.size() != 2) {
                throw bad(name, "has " + offsets.size() + " data_offsets instead of 2");
            }
            long begin = offsets.get(0);
            long end = offsets.get(1);
            if (begin > end) {
                throw bad(name, "begins at byte " + begin + " and ends before it, at " + end);
            }
            if (end > dataBytes) {
                throw new CheckpointException(
                        source,
                        "tensor "
                                + Quoted.text(name)
                                + " ends at byte "
                                + end
                                + " of the data, which has only "
                                + dataBytes,
                        FETCH_AGAIN);
            }
            if (end - begin != bytes) {
                throw bad(
                        name,
                        "of "
                                + type
                                + shape
                                + " needs "
                                + bytes
                                + " bytes and is given "
                                + (end - begin));
            }
            return new TensorEntry(name, type, shape, dataOffset + begin, bytes);
        }

        private SequencedMap<String, TensorEntry> contiguous(List<TensorEntry> entries) {
            // An empty tensor may share its offset with the next one, so it has to come first.
            entries.sort(
                    Comparator.comparingLong(TensorEntry::byteOffset)
                            .thenComparingLong(TensorEntry::byteLength));
            SequencedMap<String, TensorEntry> tensors =
                    LinkedHashMap.newLinkedHashMap(entries.size());
            long covered = dataOffset;
            String before = "the header";
            for (TensorEntry entry : entries) {
                if (entry.byteOffset() != covered) {
                    throw bad(
                            entry.name(),
                            "begins at byte "
                                    + (entry.byteOffset() - dataOffset)
                                    + " of the data, but "
                                    + before
                                    + " ends at "
                                    + (covered - dataOffset)
                                    + (entry.byteOffset() < covered
                                            ? ": they overlap"
                                            : ": there is a hole"));
                }
                covered += entry.byteLength();
                before = "tensor " + Quoted.text(entry.name());
                tensors.put(entry.name(), entry);
            }
            if (covered - dataOffset != dataBytes) {
                throw new CheckpointException(
                        source,
                        "the tensors cover "
                                + (covered - dataOffset)
                                + " bytes of data, the file holds "
                                + dataBytes,
                        "the file is damaged or something was appended to it, fetch it again");
            }
            return Collections.unmodifiableSequencedMap(tensors);
        }

        private CheckpointException bad(String name, String problem) {
            return new CheckpointException(
                    source, "tensor " + Quoted.text(name) + " " + problem, REWRITE);
        }
    }
}

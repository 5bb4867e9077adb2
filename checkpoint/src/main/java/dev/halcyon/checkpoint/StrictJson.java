package dev.halcyon.checkpoint;

import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// The one way JSON from a file is read here: UTF-8 only, no duplicate keys, shallow, with short
/// numbers and names.
final class StrictJson {
    /// Nesting that no header, index or configuration of the known families comes near.
    static final int MOST_NESTING = 32;

    /// The longest key or tensor name, in characters.
    static final int LONGEST_NAME = 4096;

    private static final int LONGEST_NUMBER = 64;

    // Names are unique in these files, so interning and canonicalising them would only fill tables
    // that outlive the
    // file.
    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNestingDepth(MOST_NESTING)
                                    .maxNameLength(LONGEST_NAME)
                                    .maxNumberLength(LONGEST_NUMBER)
                                    .maxStringLength(SafetensorsHeader.MOST_HEADER_BYTES)
                                    .maxDocumentLength(SafetensorsHeader.MOST_HEADER_BYTES)
                                    .maxTokenCount(Long.MAX_VALUE)
                                    .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
                    .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .build();

    private static final JsonMapper MAPPER =
            JsonMapper.builder(FACTORY)
                    .disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private StrictJson() {}

    /// A token stream over `json`. The caller closes it and turns its [JacksonException]s into
    /// [#failure].
    static JsonParser parser(byte[] json) {
        // A Reader with a reporting decoder, because the byte parser would guess UTF-16 from zero
        // bytes and lets some
        // malformed UTF-8 pass.
        Reader strict =
                new InputStreamReader(
                        new ByteArrayInputStream(json),
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)
                                .onUnmappableCharacter(CodingErrorAction.REPORT));
        return FACTORY.createParser(ObjectReadContext.empty(), strict);
    }

    /// The JSON object in `json`, whole.
    static ObjectNode object(String source, String what, byte[] json) {
        JsonNode root;
        try (JsonParser parser = parser(json)) {
            root = MAPPER.readTree(parser);
            if (root != null && parser.nextToken() != null) {
                throw new CheckpointException(
                        source,
                        "the " + what + " goes on after its closing brace",
                        "remove what follows the object");
            }
        } catch (JacksonException e) {
            throw failure(source, what, e);
        }
        if (root instanceof ObjectNode object) {
            return object;
        }
        throw new CheckpointException(
                source, "the " + what + " is not a JSON object", "it must be one object in braces");
    }

    /// Whether `text` has a UTF-8 form: an escape in JSON can smuggle in half of a surrogate pair,
    /// which the format's own library refuses.
    static boolean wellFormed(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }

    /// What to throw when Jackson refused `what`.
    static CheckpointException failure(String source, String what, JacksonException e) {
        if (e.getCause() instanceof CharacterCodingException) {
            return new CheckpointException(
                    source, "the " + what + " is not UTF-8", "fetch or write the file again", e);
        }
        String at =
                e.getLocation() == null
                        ? ""
                        : " at line "
                                + e.getLocation().getLineNr()
                                + ", column "
                                + e.getLocation().getColumnNr();
        String problem = Quoted.bare(String.valueOf(e.getOriginalMessage()));
        return new CheckpointException(
                source,
                "the " + what + " is not acceptable JSON" + at + ": " + problem,
                "it must be UTF-8 JSON without duplicate keys, nested at most "
                        + MOST_NESTING
                        + " deep, with names of at most "
                        + LONGEST_NAME
                        + " characters",
                e);
    }
}

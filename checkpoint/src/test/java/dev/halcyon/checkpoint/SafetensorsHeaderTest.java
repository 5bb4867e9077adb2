package dev.halcyon.checkpoint;

import static dev.halcyon.checkpoint.RawSafetensors.bytes;
import static dev.halcyon.checkpoint.RawSafetensors.parse;
import static dev.halcyon.checkpoint.RawSafetensors.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

class SafetensorsHeaderTest {
    private static final String A = tensor("a", "F32", "[2,3]", 0, 24);

    private static void refused(byte[] file, CharSequence... parts) {
        assertThatThrownBy(() -> parse(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("test.safetensors: ")
                .hasMessageContaining("; ")
                .satisfies(
                        e ->
                                List.of(parts)
                                        .forEach(
                                                part ->
                                                        assertThat(e)
                                                                .hasMessageContaining(
                                                                        part.toString())));
    }

    private static void refused(String header, int dataBytes, CharSequence... parts) {
        refused(bytes(header, dataBytes), parts);
    }

    @Test
    void readsTensorsInDataOrderWithAbsoluteOffsets() {
        SafetensorsHeader header =
                parse(bytes("{" + tensor("b", "I8", "[5]", 24, 29) + "," + A + "}", 29));
        assertThat(header.tensors().sequencedKeySet()).containsExactly("a", "b");
        TensorEntry b = header.tensors().get("b");
        int headerBytes = ("{" + tensor("b", "I8", "[5]", 24, 29) + "," + A + "}").length();
        assertThat(b)
                .isEqualTo(
                        new TensorEntry(
                                "b", ElementType.I8, TensorShape.of(5), 8 + headerBytes + 24, 5));
        assertThat(header.metadata()).isEmpty();
    }

    @Test
    void acceptsWhatTheFormatAllows() {
        assertThat(parse(bytes("{}", 0)).tensors()).isEmpty();
        assertThat(parse(bytes("{\"__metadata__\":null}   ", 0)).metadata()).isEmpty();
        assertThat(parse(bytes("{\"__metadata__\":{\"k\":\"v\",\"\":\"\"}}", 0)).metadata())
                .containsEntry("k", "v")
                .containsEntry("", "");
        // A scalar, empty tensors before, between and after, a field that no reader knows, an
        // escaped name.
        String header =
                "{"
                        + tensor("e0", "F64", "[0,7]", 0, 0)
                        + ","
                        + tensor("s", "F64", "[]", 0, 8)
                        + ","
                        + tensor("e1", "BOOL", "[3,0]", 8, 8)
                        + ",\"\\u00e4\\n"
                        + "\":{\"later\":{\"x\":[1,{}]},\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[8,10]},"
                        + tensor("e2", "I16", "[0]", 10, 10)
                        + "}";
        SafetensorsHeader read = parse(bytes(header, 10));
        assertThat(read.tensors().sequencedKeySet())
                .containsExactly("e0", "s", "e1", "\u00e4\n", "e2");
        assertThat(read.tensors().get("s").shape().elements()).isEqualTo(1);
        assertThat(read.tensors().get("e1").byteLength()).isZero();
    }

    @Test
    void refusesEveryTruncation() {
        byte[] whole = bytes("{" + A + "}", 24);
        parse(whole);
        for (int length = 0; length < whole.length; length++) {
            refused(Arrays.copyOf(whole, length));
        }
    }

    @Test
    void refusesFileThatEndsWhileBeingRead() {
        byte[] whole = bytes("{" + A + "}", 24);
        for (int length : new int[] {3, 20}) {
            assertThatThrownBy(
                            () ->
                                    SafetensorsHeader.read(
                                            "shrunk",
                                            new ByteArrayInputStream(whole, 0, length),
                                            whole.length))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("shrunk", "ends inside its header", "truncated");
        }
    }

    @Test
    void refusesAbsurdHeaderLengthsWithoutAllocatingThem() {
        byte[] header = "{}".getBytes(StandardCharsets.UTF_8);
        refused(bytes(3, header, 0), "3 bytes", "only 2");
        refused(bytes(99_999_999, header, 0), "99999999", "truncated");
        refused(bytes(100_000_001, header, 0), "100000001", "limit");
        refused(bytes(Long.MAX_VALUE, header, 0), "9223372036854775807", "limit");
        refused(bytes(-1, header, 0), "18446744073709551615", "limit");
        refused(bytes(0, new byte[0], 0), "does not begin with {");
    }

    @Test
    void refusesWhatIsNotJsonInUtf8() {
        refused("[]", 0, "does not begin with {");
        refused(" {}", 0, "does not begin with {");
        refused("{", 0, "not acceptable JSON");
        refused("{}x", 0, "not acceptable JSON");
        refused("{}{}", 0, "goes on after its closing brace");
        refused("{]", 0, "not acceptable JSON");
        refused("{'a':1}", 0, "not acceptable JSON");
        refused("{\"a\":NaN}", 0, "not acceptable JSON");
        refused("{\"\u0001\":{}}", 0, "not acceptable JSON");
        refused("{}\0\0", 0, "not acceptable JSON");
        refused(bytes(new byte[] {'{', '"', (byte) 0xff, '"', '}'}, 0), "not UTF-8");
        refused(bytes(new byte[] {'{', '"', (byte) 0xc0, (byte) 0x80, '"', '}'}, 0), "not UTF-8");
        refused(bytes("{}".getBytes(StandardCharsets.UTF_16LE), 0), "not acceptable JSON");
    }

    @Test
    void refusesDuplicateKeysAnywhere() {
        refused("{" + A + "," + A + "}", 24, "Duplicate", "a");
        refused("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "Duplicate");
        refused("{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}", 0, "Duplicate");
        refused(
                "{\"a\":{\"dtype\":\"I8\",\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[0,1]}}",
                1,
                "Duplicate");
        // The same name once escaped and once plain.
        refused(
                "{"
                        + tensor("a", "I8", "[0]", 0, 0)
                        + ","
                        + tensor("\\u0061", "I8", "[0]", 0, 0)
                        + "}",
                0,
                "Duplicate");
    }

    @Test
    void refusesMetadataThatIsNotStrings() {
        refused("{\"__metadata__\":[]}", 0, "__metadata__ is not an object");
        refused("{\"__metadata__\":{\"n\":1}}", 0, "\"n\"", "string");
        refused("{\"__metadata__\":{\"n\":{\"a\":\"b\"}}}", 0, "\"n\"", "string");
        refused("{\"__metadata__\":{\"n\":null}}", 0, "\"n\"", "string");
    }

    @Test
    void refusesIncompleteOrMistypedEntries() {
        refused("{\"a\":3}", 0, "\"a\"", "other than an object");
        refused("{\"a\":{}}", 0, "\"a\"", "lacks dtype");
        refused("{\"a\":{\"dtype\":\"I8\",\"data_offsets\":[0,0]}}", 0, "lacks shape");
        refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[0]}}", 0, "lacks data_offsets");
        refused(
                "{\"a\":{\"dtype\":8,\"shape\":[0],\"data_offsets\":[0,0]}}",
                0,
                "dtype that is not a string");
        refused("{" + tensor("a", "F32", "{}", 0, 0) + "}", 0, "shape that is not an array");
        refused("{" + tensor("a", "F32", "null", 0, 0) + "}", 0, "shape that is not an array");
        refused("{" + tensor("a", "F32", "[1.0]", 0, 4) + "}", 4, "other than integers");
        refused("{" + tensor("a", "F32", "[\"1\"]", 0, 4) + "}", 4, "other than integers");
        refused("{" + tensor("a", "F32", "[[1]]", 0, 4) + "}", 4, "other than integers");
        refused("{" + tensor("a", "F32", "[-1]", 0, 4) + "}", 4, "negative number -1");
        refused(
                "{" + tensor("a", "F32", "[99999999999999999999]", 0, 4) + "}",
                4,
                "99999999999999999999",
                "63 bits");
        refused(
                "{" + tensor("a", "F32", "[" + "1,".repeat(64) + "1]", 0, 4) + "}",
                4,
                "more than 64 numbers");
        refused(
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0]}}",
                0,
                "1 data_offsets instead of 2");
        refused(
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0,0]}}",
                0,
                "more than 2");
    }

    @Test
    void refusesUnknownTypeNamingTheKnownOnes() {
        refused(
                "{" + tensor("w", "F7", "[1]", 0, 1) + "}",
                1,
                "\"w\"",
                "\"F7\"",
                "BF16",
                "F8_E4M3",
                "BOOL");
        refused("{" + tensor("w", "f32", "[1]", 0, 4) + "}", 4, "\"f32\"");
    }

    @Test
    void refusesSizesThatDoNotFit() {
        refused(
                "{" + tensor("a", "F32", "[2,3]", 0, 20) + "}",
                20,
                "F32[2, 3] needs 24 bytes and is given 20");
        refused("{" + tensor("a", "F4", "[3]", 0, 2) + "}", 2, "do not fill whole bytes");
        refused(
                "{" + tensor("a", "I8", "[4294967296,4294967296]", 0, 0) + "}",
                0,
                "no size in bytes");
        refused(
                "{" + tensor("a", "F64", "[2305843009213693952]", 0, 0) + "}",
                0,
                "no size in bytes");
    }

    @Test
    void refusesOffsetsOutsideOverlappingOrWithHoles() {
        refused(
                "{" + tensor("a", "I8", "[4]", 4, 0) + "}",
                4,
                "begins at byte 4 and ends before it, at 0");
        refused(
                "{" + tensor("a", "I8", "[4]", 0, 4) + "}",
                3,
                "ends at byte 4 of the data",
                "only 3",
                "truncated");
        refused("{" + tensor("a", "I8", "[4]", 0, 4) + "}", 5, "cover 4 bytes", "holds 5");
        refused("{" + tensor("a", "I8", "[4]", 1, 5) + "}", 5, "\"a\" begins at byte 1", "hole");
        refused(
                "{" + tensor("a", "I8", "[4]", 0, 4) + "," + tensor("b", "I8", "[4]", 3, 7) + "}",
                7,
                "\"b\" begins at byte 3",
                "\"a\" ends at 4",
                "overlap");
        refused(
                "{" + tensor("a", "I8", "[4]", 0, 4) + "," + tensor("b", "I8", "[0]", 2, 2) + "}",
                4,
                "\"b\"",
                "overlap");
        refused(
                "{" + tensor("a", "I8", "[4]", 0, 4) + "," + tensor("b", "I8", "[4]", 0, 4) + "}",
                4,
                "overlap");
        refused(
                "{" + tensor("a", "I8", "[0]", 9223372036854775807L, 9223372036854775807L) + "}",
                0,
                "only 0");
    }

    @Test
    void refusesHalfSurrogatePairs() {
        String name = tensor("x\\ud800", "I8", "[0]", 0, 0);
        refused("{" + name + "}", 0, "urrogate pair");
        refused("{\"__metadata__\":{\"\\udc00\":\"\"}}", 0, "urrogate");
        refused("{\"__metadata__\":{\"k\":\"\\ud83d \\ude00\"}}", 0, "urrogate");
        assertThat(parse(bytes("{\"__metadata__\":{\"k\":\"\\ud83d\\ude00\"}}", 0)).metadata())
                .containsEntry("k", "\ud83d\ude00");
    }

    @Test
    void refusesDeepNestingAndEndlessNames() {
        refused(
                "{\"a\":{\"x\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}}",
                0,
                "not acceptable JSON",
                "32");
        refused("{\"" + "n".repeat(5000) + "\":{}}", 0, "not acceptable JSON");
        refused("{\"a\":{\"shape\":[" + "9".repeat(10_000) + "]}}", 0, "not acceptable JSON");
    }

    @Test
    void hostileNamesNeitherFloodNorForgeTheMessage() {
        String name = "x\\n\\u001b[31m" + "y".repeat(3000);
        assertThatThrownBy(() -> parse(bytes("{" + tensor(name, "I8", "[1]", 0, 2) + "}", 2)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("x\\u000a\\u001b[31m")
                .satisfies(
                        e ->
                                assertThat(e.getMessage())
                                        .hasSizeLessThan(400)
                                        .doesNotContain("\n", "\u001b"));
    }
}

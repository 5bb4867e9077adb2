package dev.halcyon.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// The library behind [TextTokenizer], on files that are written here: no network, no downloads.
final class TextTokenizerTest {
    @TempDir private Path folder;

    private TextTokenizer tokenizer(String json) throws IOException {
        Files.writeString(folder.resolve(TextTokenizer.FILE_NAME), json);
        return TextTokenizer.open(folder);
    }

    @Test
    void wordsBecomeIdsAndIdsWords() throws IOException {
        try (TextTokenizer tokenizer = tokenizer(TinyTokenizers.words())) {
            assertThat(tokenizer.encode("the cat sat")).containsExactly(0, 3, 4, 5);
            assertThat(tokenizer.encode("the dog sat")).containsExactly(0, 3, 2, 5);
            assertThat(tokenizer.encode("")).containsExactly(0);
            assertThat(tokenizer.decode(List.of(3, 4, 5))).isEqualTo("the cat sat");
            assertThat(tokenizer.decode(List.of())).isEmpty();
        }
    }

    /// The begin and end of a text are no part of it.
    @Test
    void specialTokensAreNotText() throws IOException {
        try (TextTokenizer tokenizer = tokenizer(TinyTokenizers.words())) {
            assertThat(tokenizer.decode(List.of(0, 3, 4, 1))).isEqualTo("the cat");
        }
    }

    /// The library's default would keep 512 tokens.
    @Test
    void longPromptsStayWhole() throws IOException {
        try (TextTokenizer tokenizer = tokenizer(TinyTokenizers.words())) {
            String text = String.join(" ", Collections.nCopies(5000, "cat"));
            List<Integer> expected = new ArrayList<>(List.of(0));
            expected.addAll(Collections.nCopies(5000, 4));
            assertThat(tokenizer.encode(text)).isEqualTo(expected);
        }
    }

    @Test
    void bytesCarryAnyText() throws IOException {
        try (TextTokenizer tokenizer = tokenizer(TinyTokenizers.bytes())) {
            String text = "Grüße, 世界! 🐈\n\tx = [1, 2]";
            List<Integer> ids = tokenizer.encode(text);
            assertThat(ids).allSatisfy(id -> assertThat(id).isBetween(0, 255));
            assertThat(tokenizer.decode(ids)).isEqualTo(text);
        }
    }

    @Test
    void aBrokenFileIsNamed() {
        for (String json : List.of("", "{", "{\"version\": \"1.0\"}", "[]")) {
            assertThatThrownBy(() -> tokenizer(json))
                    .as(json)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("tokenizer.json", "cannot be read", "token ids");
        }
    }
}

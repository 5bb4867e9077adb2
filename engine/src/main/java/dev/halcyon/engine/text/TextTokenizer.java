package dev.halcyon.engine.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// The tokenizer that a checkpoint brings as `tokenizer.json`.
public final class TextTokenizer implements AutoCloseable {
    /// The file's name in a checkpoint folder.
    public static final String FILE_NAME = "tokenizer.json";

    /// Left to itself the library cuts a prompt off after 512 tokens.
    private static final Map<String, String> OPTIONS =
            Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");

    private final HuggingFaceTokenizer tokenizer;

    private TextTokenizer(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /// {@return whether a checkpoint folder brings a tokenizer}
    public static boolean isIn(Path folder) {
        return Files.isRegularFile(folder.resolve(FILE_NAME));
    }

    /// {@return the tokenizer of a checkpoint folder}
    ///
    /// @throws IllegalArgumentException if there is none or it cannot be read
    public static TextTokenizer open(Path folder) {
        Path file = folder.resolve(FILE_NAME);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(
                    folder
                            + " has no "
                            + FILE_NAME
                            + ", so text cannot be used; give the prompt as token ids");
        }
        try {
            return new TextTokenizer(HuggingFaceTokenizer.newInstance(file, OPTIONS));
        } catch (IOException | RuntimeException | LinkageError broken) {
            // The library's native part reports broken JSON in the same way as a platform that it
            // was not built for.
            throw new IllegalArgumentException(
                    file
                            + " cannot be read: "
                            + (broken.getMessage() == null ? broken : broken.getMessage())
                            + "; give the prompt as token ids",
                    broken);
        }
    }

    /// {@return the token ids of a text, special tokens of the tokenizer's template included}
    public List<Integer> encode(String text) {
        return Arrays.stream(tokenizer.encode(text).getIds()).mapToObj(Math::toIntExact).toList();
    }

    /// {@return the text of token ids, special tokens such as the end of text left out}
    public String decode(List<Integer> ids) {
        return tokenizer.decode(ids.stream().mapToLong(Integer::longValue).toArray(), true);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}

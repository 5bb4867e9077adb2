package dev.halcyon.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Every piece of Java in the documents stands in one of the examples, as one piece; only white
/// space may differ.
final class QuotedCodeTest {
    private static final Path ROOT = Path.of("..");
    private static final Path EXAMPLES = Path.of("src/test/java/dev/halcyon/examples");
    private static final Pattern BLOCK =
            Pattern.compile("^```java[^\\n]*\\n(.*?)^```", Pattern.MULTILINE | Pattern.DOTALL);

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "docs/guide.md"})
    void everyBlockIsPartOfAnExample(String document) throws IOException {
        List<String> examples = examples();
        List<String> blocks = blocks(Files.readString(ROOT.resolve(document)));
        assertThat(blocks).as("java blocks of %s", document).isNotEmpty();
        for (String block : blocks) {
            assertThat(examples.stream().filter(example -> example.contains(squeezed(block))))
                    .as("examples that contain this part of %s:%n%s", document, block)
                    .isNotEmpty();
        }
    }

    private static List<String> blocks(String document) {
        List<String> blocks = new ArrayList<>();
        Matcher matcher = BLOCK.matcher(document);
        while (matcher.find()) {
            blocks.add(matcher.group(1));
        }
        return blocks;
    }

    private static List<String> examples() throws IOException {
        List<String> examples = new ArrayList<>();
        try (Stream<Path> files = Files.list(EXAMPLES)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".java")).toList()) {
                examples.add(squeezed(Files.readString(file)));
            }
        }
        return examples;
    }

    private static String squeezed(String code) {
        return code.replaceAll("\\s+", "");
    }
}

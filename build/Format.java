import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.JavaFormatterOptions;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/// Formats every Java source below a folder with google-java-format, or fails where one is not
/// formatted.
///
/// A program of its own because formatter plugins read sources with the Java that Maven runs on,
/// and a 17 does not understand the syntax of a 25. Maven starts this one with the JDK it compiles
/// with.
final class Format {
    private Format() {}

    /// @param arguments `check` or `apply`, then the folder
    public static void main(String[] arguments) throws IOException {
        boolean apply = arguments[0].equals("apply");
        Path root = Path.of(arguments[1]);
        List<String> complaints =
                sources(root).parallelStream()
                        .flatMap(source -> complaints(root, source, apply))
                        .sorted()
                        .toList();
        complaints.forEach(System.err::println);
        if (!complaints.isEmpty()) {
            System.err.println("Not formatted; this mends it: mvn -N validate -Pformat");
            System.exit(1);
        }
    }

    private static List<Path> sources(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return all.filter(path -> path.toString().endsWith(".java"))
                    .filter(path -> !names(root.relativize(path)).contains("target"))
                    .toList();
        }
    }

    private static List<String> names(Path path) {
        return StreamSupport.stream(path.spliterator(), false).map(Path::toString).toList();
    }

    private static Stream<String> complaints(Path root, Path source, boolean apply) {
        JavaFormatterOptions options =
                JavaFormatterOptions.builder().style(JavaFormatterOptions.Style.AOSP).build();
        try {
            String is = Files.readString(source);
            String shouldBe = new Formatter(options).formatSourceAndFixImports(is);
            if (is.equals(shouldBe)) {
                return Stream.empty();
            }
            if (!apply) {
                return Stream.of(root.relativize(source).toString());
            }
            Files.writeString(source, shouldBe);
            // Once more, for what a pass leaves is not always what the next one would leave.
            return complaints(root, source, true);
        } catch (FormatterException syntax) {
            return Stream.of(root.relativize(source) + ": " + syntax.getMessage());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

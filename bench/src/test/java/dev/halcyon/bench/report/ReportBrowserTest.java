package dev.halcyon.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The page in the system's headless Chromium: `mvn verify -Pbrowser`, which fails where there is
/// none.
///
/// Pictures of it are left in `target/report`, for somebody to look at.
@Tag("browser")
final class ReportBrowserTest {
    private static final List<String> BROWSERS =
            List.of(
                    "chromium",
                    "chromium-browser",
                    "google-chrome",
                    "google-chrome-stable",
                    "chrome");

    /// Width and height of a usual phone.
    private static final int WIDTH = 390;

    private static final Pattern MEASURED = Pattern.compile("measured (\\d+) (\\d+) (\\d+)");

    @TempDir private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void fitsAPhoneWithoutErrors(String scheme) throws IOException, InterruptedException {
        Path page =
                Files.writeString(folder.resolve("report.html"), ReportPage.of(SampleFiles.two()));
        Path pictures = Files.createDirectories(Path.of("target", "report"));
        List<String> console =
                open(frame(page), scheme, pictures.resolve("phone-" + scheme + ".png"));
        Matcher measured = MEASURED.matcher(String.join("\n", console));
        assertThat(measured.find()).as("what the browser said: %s", console).isTrue();
        assertThat(Integer.parseInt(measured.group(1))).as("width of the window").isEqualTo(WIDTH);
        assertThat(Integer.parseInt(measured.group(2)))
                .as("width of the page")
                .isLessThanOrEqualTo(WIDTH);
        assertThat(Integer.parseInt(measured.group(3))).as("rooflines that are drawn").isEqualTo(2);
        assertThat(console).as("lines on the console").hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void opensOnAScreenWithoutErrors(String scheme) throws IOException, InterruptedException {
        Path page =
                Files.writeString(folder.resolve("report.html"), ReportPage.of(SampleFiles.two()));
        Path pictures = Files.createDirectories(Path.of("target", "report"));
        assertThat(open(page, scheme, pictures.resolve("screen-" + scheme + ".png"))).isEmpty();
    }

    /// A browser's own window has a least width, a frame has none; the page in it sees the frame's
    /// width as the screen's.
    private Path frame(Path page) throws IOException {
        String inner = Files.readString(page).replace("&", "&amp;").replace("\"", "&quot;");
        String outer =
                """
                <body style="margin: 0"><iframe id="phone" style="width: %dpx; height: 4000px; border: 0" srcdoc="%s"></iframe>
                <script>
                phone.onload = () => {
                  const page = phone.contentDocument;
                  const drawn = [...page.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().height > 100);
                  console.log("measured " + phone.contentWindow.innerWidth + " " + page.documentElement.scrollWidth
                      + " " + drawn.length);
                };
                </script></body>
                """
                        .formatted(WIDTH, inner);
        return Files.writeString(folder.resolve("frame.html"), outer);
    }

    /// {@return the lines that the page and the browser put on its console}
    private List<String> open(Path page, String scheme, Path picture)
            throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                browser(),
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--no-first-run",
                                "--user-data-dir=" + folder.resolve("profile-" + scheme),
                                "--enable-logging=stderr",
                                "--window-size=1200,4000",
                                "--screenshot=" + picture.toAbsolutePath()));
        if (scheme.equals("dark")) {
            command.add("--force-dark-mode");
        }
        command.add(page.toUri().toString());
        Path log = folder.resolve("browser.log");
        Process browser =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        assertThat(browser.waitFor(2, TimeUnit.MINUTES)).as("the browser ends").isTrue();
        assertThat(picture).as("the browser's log: %s", Files.readString(log)).isNotEmptyFile();
        return Files.readAllLines(log, StandardCharsets.UTF_8).stream()
                .filter(line -> line.contains("CONSOLE"))
                .toList();
    }

    private static String browser() {
        Stream<Path> folders =
                Stream.of(System.getenv("PATH").split(File.pathSeparator)).map(Path::of);
        return folders.flatMap(folder -> BROWSERS.stream().map(folder::resolve))
                .filter(Files::isExecutable)
                .findFirst()
                .map(Path::toString)
                .orElseThrow(
                        () ->
                                new AssertionError(
                                        "no Chromium on the PATH, looked for "
                                                + BROWSERS
                                                + "; install it, for example with 'apt-get install"
                                                + " chromium', or leave -Pbrowser away"));
    }
}

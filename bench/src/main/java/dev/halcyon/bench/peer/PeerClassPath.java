package dev.halcyon.bench.peer;

import dev.halcyon.bench.round.Entrant.EntrantFailure;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/// The peers' libraries, which nothing but `--peers` fetches: Maven resolves them in a module of
/// their own.
///
/// @param home the project's folder, which has the module `bench-peers`
public record PeerClassPath(Path home) {
    /// What starts a contender.
    private static final String MAIN = "dev.halcyon.bench.peers.PeerMain";

    /// {@return the project's folder, found from where this class was loaded}
    ///
    /// @throws EntrantFailure if it was not loaded from the project's folder
    public static PeerClassPath find() {
        Path classes;
        try {
            classes =
                    Path.of(
                            PeerClassPath.class
                                    .getProtectionDomain()
                                    .getCodeSource()
                                    .getLocation()
                                    .toURI());
        } catch (URISyntaxException | RuntimeException unknown) {
            throw new EntrantFailure("nobody knows where this program lies");
        }
        for (Path folder = classes; folder != null; folder = folder.getParent()) {
            if (Files.isRegularFile(folder.resolve("bench-peers").resolve("pom.xml"))) {
                return new PeerClassPath(folder);
            }
        }
        throw new EntrantFailure(
                "peers need the project's folder with its module bench-peers, and this program runs"
                        + " from "
                        + classes);
    }

    private Path module() {
        return home.resolve("bench-peers");
    }

    /// Builds the module, which fetches the libraries the first time: about 400 MB.
    ///
    /// @throws EntrantFailure if Maven is missing or the build fails
    public void build() {
        if (isFresh()) {
            return;
        }
        List<String> command =
                new ArrayList<>(
                        List.of(
                                isWindows() ? "mvn.cmd" : "mvn",
                                "-q",
                                "-B",
                                "-Ppeers",
                                "-pl",
                                "bench-peers",
                                "-am",
                                "-Djavacpp.platform=" + platform(),
                                "process-classes"));
        Path log = module().resolve("target").resolve("build.log");
        try {
            Files.createDirectories(log.getParent());
            // Taken before the build: a source saved while it runs is newer.
            FileTime begin = FileTime.from(Instant.now());
            ProcessBuilder builder =
                    new ProcessBuilder(command)
                            .directory(home.toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile());
            builder.environment().putIfAbsent("JAVA25_HOME", System.getProperty("java.home"));
            if (builder.start().waitFor() != 0) {
                throw new EntrantFailure("the build of bench-peers failed; see " + log);
            }
            Files.writeString(stamp(), "");
            Files.setLastModifiedTime(stamp(), begin);
        } catch (IOException missing) {
            throw new EntrantFailure(
                    "Maven does not start: "
                            + missing.getMessage()
                            + "; install Maven 3.8 or later");
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new EntrantFailure("building bench-peers was interrupted");
        }
    }

    /// {@return the command of a contender's process, less its own flags and arguments}
    ///
    /// @throws EntrantFailure if the module is not built
    public List<String> command() {
        Path libraries = module().resolve("target").resolve("classpath.txt");
        try {
            String classPath =
                    module().resolve("target").resolve("classes")
                            + File.pathSeparator
                            + Files.readString(libraries).strip();
            return List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--add-modules",
                    "jdk.incubator.vector",
                    "--enable-native-access=ALL-UNNAMED",
                    "-Dorg.bytedeco.javacpp.cachedir="
                            + module().resolve("target").resolve("javacpp"),
                    "-cp",
                    classPath,
                    MAIN);
        } catch (IOException missing) {
            throw new EntrantFailure(libraries + " is missing: " + missing.getMessage());
        }
    }

    /// {@return where a contender's standard error goes}
    public Path log(Contender contender) {
        return module().resolve("target")
                .resolve(contender.name().replaceAll("\\W+", "-") + ".log");
    }

    private Path stamp() {
        return module().resolve("target").resolve("peers.stamp");
    }

    /// {@return whether nothing that goes into the module changed since it was built}
    private boolean isFresh() {
        if (!Files.isRegularFile(stamp())) {
            return false;
        }
        try {
            FileTime built = Files.getLastModifiedTime(stamp());
            for (Path part :
                    List.of(
                            home.resolve("pom.xml"),
                            module().resolve("pom.xml"),
                            module().resolve("src"),
                            home.resolve("bench").resolve("src").resolve("main"))) {
                try (Stream<Path> files = Files.walk(part)) {
                    for (Path file : files.toList()) {
                        if (Files.getLastModifiedTime(file).compareTo(built) > 0) {
                            return false;
                        }
                    }
                }
            }
            return true;
        } catch (IOException unreadable) {
            return false;
        }
    }

    private static boolean isWindows() {
        return File.separator.equals("\\");
    }

    /// JavaCPP's name of this platform, `linux-x86_64`.
    private static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch");
        String family = os.contains("mac") ? "macosx" : os.contains("win") ? "windows" : "linux";
        return family
                + "-"
                + (arch.equals("amd64") ? "x86_64" : arch.equals("aarch64") ? "arm64" : arch);
    }
}

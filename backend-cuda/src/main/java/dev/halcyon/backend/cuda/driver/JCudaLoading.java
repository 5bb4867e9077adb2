package dev.halcyon.backend.cuda.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Loads JCuda where that can work, and says why not where it cannot.
///
/// JCuda copies its native library to the folder for temporary files under a fixed name and takes
/// whatever file is there already: two JVMs that start at once, or anybody who may write there, end
/// this one. So it gets a folder of its own, for the moment of loading. And it finds the library as
/// a resource of its own class loader only on the class path, never on the module path.
public final class JCudaLoading {
    private static final String VERSION = "12.6.0";
    private static final String DRIVER_CLASS = "jcuda.driver.JCudaDriver";
    private static final String TEMPORARY_FOLDER = "java.io.tmpdir";

    private JCudaLoading() {}

    /// What came of loading.
    ///
    /// @param driver the driver, by JCuda if that could be loaded, else by FFM alone
    /// @param whyNotJCuda why it is not by JCuda; empty if it is
    public record Loaded(CudaDriver driver, String whyNotJCuda) {}

    /// {@return the driver in a library that is open already}
    public static synchronized Loaded load(DynamicLibrary library) {
        FfmDriver ffm = new FfmDriver(library);
        Optional<String> obstacle = obstacle(System.getProperty("os.arch"));
        if (obstacle.isPresent()) {
            return new Loaded(ffm, obstacle.get());
        }
        try {
            return new Loaded(loadInPrivateFolder(ffm), "");
        } catch (LinkageError | UncheckedIOException failed) {
            return new Loaded(ffm, "JCuda did not load: " + reason(failed));
        }
    }

    /// {@return what is in the way of JCuda on this architecture, if anything}
    static Optional<String> obstacle(String architecture) {
        Class<?> driver;
        try {
            driver = Class.forName(DRIVER_CLASS, false, JCudaLoading.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError absent) {
            return Optional.of(
                    JCudaLoading.class.getModule().isNamed()
                            ? "on the module path JCuda cannot unpack its library"
                            : "JCuda is not on the class path");
        }
        if (driver.getModule().isNamed()) {
            return Optional.of("on the module path JCuda cannot unpack its library");
        }
        if (!architecture.equals("amd64")) {
            return Optional.of("JCuda has no native library for " + architecture);
        }
        String resource = "/lib/libJCudaDriver-" + VERSION + "-linux-x86_64.so";
        return driver.getResource(resource) == null
                ? Optional.of("jcuda-natives " + VERSION + " is not on the class path")
                : Optional.empty();
    }

    private static CudaDriver loadInPrivateFolder(FfmDriver ffm) {
        String usual = System.getProperty(TEMPORARY_FOLDER);
        Path folder = privateFolder();
        System.setProperty(TEMPORARY_FOLDER, folder.toString());
        try {
            return new JCudaDriver(ffm);
        } finally {
            System.setProperty(TEMPORARY_FOLDER, usual);
            delete(folder);
        }
    }

    private static Path privateFolder() {
        try {
            return Files.createTempDirectory(
                    "halcyon-jcuda",
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------")));
        } catch (IOException failed) {
            throw new UncheckedIOException("no private folder for JCuda's library", failed);
        }
    }

    /// Linux keeps a loaded library without its file.
    private static void delete(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : List.copyOf(files.toList())) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException inUse) {
            folder.toFile().deleteOnExit();
        }
    }

    /// JCuda's message has thirty lines; the last that repeats the loader is about its own copy.
    private static String reason(Throwable failed) {
        String message = String.valueOf(failed.getMessage());
        String loader = UnsatisfiedLinkError.class.getSimpleName() + ": ";
        return message.lines()
                .filter(line -> line.contains(loader))
                .reduce((earlier, later) -> later)
                .map(line -> line.substring(line.indexOf(loader) + loader.length()))
                .orElseGet(() -> message.lines().findFirst().orElseGet(failed::toString));
    }
}

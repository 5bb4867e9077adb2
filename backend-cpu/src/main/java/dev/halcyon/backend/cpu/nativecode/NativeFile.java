package dev.halcyon.backend.cpu.nativecode;

import org.jspecify.annotations.Nullable;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// Where the library's file is: in a folder of classes, in a jar on the class path, or in a jar on
/// the module path.
///
/// The jar with the library holds no class, so that on the module path no module requires it and
/// class loaders do not see it; there it is looked up among the modules that could be resolved.
final class NativeFile {
    private static final String FOLDER = "META-INF/halcyon/native/";
    private static final String FILE = "/libhalcyon_cpu.so";
    private static final String MODULE = "dev.halcyon.backend.cpu.";

    private NativeFile() {}

    /// {@return the platform's name in paths and classifiers, empty if there is no library for it}
    static Optional<String> platform() {
        String os = System.getProperty("os.name", "");
        String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        boolean x86 = arch.equals("amd64") || arch.equals("x86_64");
        return os.equals("Linux") && x86 ? Optional.of("linux-x86_64") : Optional.empty();
    }

    /// What was found.
    ///
    /// @param file the library
    /// @param isCopy whether the file was made for this JVM and is of no use once it is loaded
    /// @param origin where it came from, for the reader
    record Found(Path file, boolean isCopy, String origin) {}

    /// {@return the library of a platform, or null if it is nowhere}
    static @Nullable Found find(String platform) throws IOException {
        String resource = FOLDER + platform + FILE;
        URL url = NativeFile.class.getResource("/" + resource);
        if (url != null) {
            return found(url);
        }
        String path = System.getProperty("jdk.module.path", "");
        if (path.isEmpty()) {
            return null;
        }
        try {
            Path[] places =
                    Arrays.stream(path.split(File.pathSeparator))
                            .filter(place -> !place.isEmpty())
                            .map(Path::of)
                            .toArray(Path[]::new);
            Optional<ModuleReference> module =
                    ModuleFinder.of(places).find(MODULE + platform.replace('-', '_'));
            if (module.isEmpty()) {
                return null;
            }
            try (ModuleReader reader = module.get().open();
                    InputStream in = reader.open(resource).orElse(null)) {
                return in == null ? null : copy(in, String.valueOf(module.get().location()));
            }
        } catch (InvalidPathException malformed) {
            throw new IOException("the module path cannot be searched", malformed);
        }
    }

    private static Found found(URL url) throws IOException {
        if (url.getProtocol().equals("file")) {
            try {
                Path file = Path.of(new URI(url.toString()));
                return new Found(file, false, file.toString());
            } catch (URISyntaxException malformed) {
                throw new IOException(url + " is no path", malformed);
            }
        }
        try (InputStream in = url.openStream()) {
            return copy(in, url.toString());
        }
    }

    /// Copies to a folder that only this user can enter.
    private static Found copy(InputStream in, String origin) throws IOException {
        Path folder = Files.createTempDirectory("halcyon-cpu");
        Path file = folder.resolve("libhalcyon_cpu.so");
        Files.copy(in, file);
        return new Found(file, true, origin);
    }
}

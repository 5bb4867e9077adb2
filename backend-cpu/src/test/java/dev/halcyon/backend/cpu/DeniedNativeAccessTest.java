package dev.halcyon.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;

import org.junit.jupiter.api.Test;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// A JVM that forbids native access runs the scalar variant and says which option is missing.
class DeniedNativeAccessTest {
    /// What the JVM without native access runs.
    static final class Probe {
        private Probe() {}

        /// Prints what the provider says, and opens its device.
        public static void main(String[] arguments) {
            CpuBackendProvider provider = new CpuBackendProvider();
            System.out.println(provider.probe());
            try (Device device = provider.open(0, DeviceOptions.defaults())) {
                System.out.println("opened " + device.description().properties().get("isa"));
            }
        }
    }

    @Test
    void runsScalarLoops() throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--add-modules",
                                "jdk.incubator.vector",
                                "--illegal-native-access=deny",
                                "-cp",
                                root(Probe.class)
                                        + File.pathSeparator
                                        + root(CpuBackendProvider.class)
                                        + File.pathSeparator
                                        + root(Device.class),
                                Probe.class.getName())
                        .redirectErrorStream(true)
                        .start();
        String printed =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), printed);
        assertTrue(
                printed.contains(
                        "the scalar variant runs because native access is denied to the vector"
                                + " loops"),
                printed);
        assertTrue(printed.contains("--enable-native-access=ALL-UNNAMED"), printed);
        assertTrue(printed.contains("opened scalar"), printed);
    }

    /// {@return the folder or jar that a class was read from, also when the tests run on the module
    /// path}
    private static String root(Class<?> type) {
        String file = type.getName().replace('.', '/') + ".class";
        String url = type.getResource("/" + file).toString();
        String path = url.substring(url.indexOf("file:"), url.length() - file.length() - 1);
        return Path.of(URI.create(path.endsWith("!") ? path.substring(0, path.length() - 1) : path))
                .toString();
    }
}

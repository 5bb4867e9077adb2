package dev.halcyon.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Availability;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// The probe in a JVM that forbids native code: an answer with the remedy, and not a word besides.
class DeniedAccessTest {
    /// Runs in that JVM.
    static final class Probe {
        private Probe() {}

        public static void main(String[] arguments) {
            Availability found = new CudaBackendProvider().probe();
            System.out.println(
                    found instanceof Availability.Unavailable unavailable
                            ? unavailable.describe()
                            : found.toString());
        }
    }

    @Test
    void namesTheFlagInAJvmThatForbidsNativeCode() throws IOException, InterruptedException {
        if (DeniedAccessTest.class.getModule().isNamed()) {
            String message = "a JVM that forbids native code is started on the class path only";
            System.out.println("SKIPPED: " + message);
            Assumptions.abort(message);
        }
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--illegal-native-access=deny",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Probe.class.getName())
                        .redirectErrorStream(true)
                        .start();
        String said =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), said);
        assertEquals(1, said.lines().count(), said);
        assertTrue(said.startsWith("NATIVE_ACCESS_DENIED"), said);
        assertTrue(said.contains("--enable-native-access=ALL-UNNAMED"), said);
    }
}

package dev.halcyon.backend.ascend;

import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.Assumptions;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The emulator's roots, built when a test first wants one.
///
/// A machine without a compiler has none; the tests that need one then say so and are skipped, and
/// `-Dhalcyon.tck.require=ascend` makes that a failure.
public record EmulatorRoot(Path path, String reason) {
    private static final class Build {
        static final EmulatorRoot RESULT = build();
    }

    /// {@return whether there is one}
    public boolean exists() {
        return reason.isEmpty();
    }

    /// {@return the root of a profile, `8.1` or `head`}
    public static EmulatorRoot of(String profile) {
        EmulatorRoot all = Build.RESULT;
        return new EmulatorRoot(all.path.resolve(profile), all.reason);
    }

    /// {@return the root of a profile; without one the test says so and is skipped, or fails where
    /// `-Dhalcyon.tck.require=ascend` is given}
    ///
    /// @param test what cannot run, for the message
    public static EmulatorRoot demand(String profile, String test) {
        EmulatorRoot root = of(profile);
        if (!root.exists()) {
            if (List.of(System.getProperty("halcyon.tck.require", "").split(","))
                    .contains("ascend")) {
                fail(test + ": " + root.reason + " (required by -Dhalcyon.tck.require)");
            }
            System.out.println("SKIPPED: " + test + ": " + root.reason);
            Assumptions.abort(root.reason);
        }
        return root;
    }

    /// {@return the folder that holds `native/ascend-emulator`}
    static Path checkout() {
        Path top = Path.of("").toAbsolutePath();
        while (!Files.exists(top.resolve("native/ascend-emulator/build.sh"))) {
            Path parent = top.getParent();
            if (parent == null) {
                throw new IllegalStateException(
                        "native/ascend-emulator is not above " + Path.of("").toAbsolutePath());
            }
            top = parent;
        }
        return top;
    }

    private static EmulatorRoot build() {
        Path top = checkout();
        Path out = top.resolve("backend-ascend/target/ascend-emulator");
        try {
            Files.createDirectories(out);
            Process process =
                    new ProcessBuilder(
                                    "bash",
                                    top.resolve("native/ascend-emulator/build.sh").toString(),
                                    out.toString())
                            .redirectErrorStream(true)
                            .start();
            String said =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            return switch (status) {
                case 0 -> new EmulatorRoot(out, "");
                case 3 -> new EmulatorRoot(out, "the emulator was not built: " + said.strip());
                default -> throw new IllegalStateException("the emulator does not build: " + said);
            };
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return new EmulatorRoot(out, "interrupted while the emulator was built");
        }
    }
}

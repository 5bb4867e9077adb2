package dev.halcyon.backend.ascend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

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

    private static EmulatorRoot build() {
        Path top = Path.of("").toAbsolutePath();
        while (!Files.exists(top.resolve("native/ascend-emulator/build.sh"))) {
            Path parent = top.getParent();
            if (parent == null) {
                return new EmulatorRoot(top, "native/ascend-emulator is not above this folder");
            }
            top = parent;
        }
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

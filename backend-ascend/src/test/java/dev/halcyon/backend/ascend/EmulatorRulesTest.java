package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// The emulator's own tests in C++: each rule is broken on purpose and seen to be caught, in both
/// profiles, and operators are compared with plain arithmetic.
class EmulatorRulesTest {
    @Test
    void everyRuleIsCaught() throws IOException, InterruptedException {
        Path out = EmulatorRoot.demand("", "rules of the emulator").path();
        Path script = EmulatorRoot.checkout().resolve("native/ascend-emulator/test.sh");
        Process process =
                new ProcessBuilder("sh", script.toString(), out.toString())
                        .redirectErrorStream(true)
                        .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }
}

package dev.halcyon.bench.command;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CommandLineTest {
    @Test
    void helpNamesTheCommands() {
        Invocation help = Invocation.of("--help");
        assertThat(help.exitCode()).isZero();
        assertThat(help.out()).contains("doctor", "run", "verify", "generate");
        assertThat(help.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"doctor", "run", "verify", "generate"})
    void everyCommandHasHelp(String command) {
        Invocation help = Invocation.of(command, "--help");
        assertThat(help.exitCode()).isZero();
        assertThat(help.out()).contains("halcyon " + command);
    }

    @Test
    void theVersionIsPrinted() {
        assertThat(Invocation.of("--version").out()).startsWith("halcyon ");
    }

    @Test
    void nothingAndNonsenseAreRefusedWithAHint() {
        for (Invocation refused :
                new Invocation[] {
                    Invocation.of(),
                    Invocation.of("gernate"),
                    Invocation.of("doctor", "--jsno"),
                    Invocation.of("generate", "--prompt-ids", "1")
                }) {
            assertThat(refused.exitCode()).isEqualTo(3);
            assertThat(refused.out()).isEmpty();
            assertThat(refused.err()).startsWith("halcyon: ").contains("halcyon --help");
        }
    }
}

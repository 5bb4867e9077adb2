package dev.halcyon.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.halcyon.bench.Main;
import dev.halcyon.bench.report.SampleFiles;
import dev.halcyon.hal.DeviceDescription;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import picocli.CommandLine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

final class BenchCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir private Path folder;

    private int run(String... arguments) {
        CommandLine command = Main.commandLine();
        command.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        return command.execute(arguments);
    }

    @Test
    void refusesAnUnknownSuiteBeforeItOpensADevice() {
        assertThat(run("bench", "--suite", "gemn")).isEqualTo(Main.EXIT_UNUSABLE);
        assertThat(err.toString()).contains("gemn").contains("muon").doesNotContain("device:");
    }

    @Test
    void refusesADeviceThatIsNotThere() {
        assertThat(run("bench", "--device", "abacus")).isEqualTo(Main.EXIT_UNUSABLE);
        assertThat(err.toString()).contains("abacus");
    }

    @Test
    void refusesAnEmulation() {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                BenchCommand.refuseEmulation(
                                        new DeviceDescription(
                                                "ascend", 0, "Ascend910B3", true, Map.of())))
                .withMessageContaining("ascend:0 (emulated)")
                .withMessageContaining("halcyon verify");
        BenchCommand.refuseEmulation(
                new DeviceDescription("ascend", 0, "Ascend910B3", false, Map.of()));
    }

    @Test
    void writesAPageOfSeveralFiles() throws IOException {
        Path first = folder.resolve("a.json");
        Path second = folder.resolve("b.json");
        SampleFiles.server().write(first);
        SampleFiles.laptop().write(second);
        Path page = folder.resolve("page.html");
        assertThat(run("report", first.toString(), second.toString(), "-o", page.toString()))
                .isZero();
        assertThat(Files.readString(page)).contains("Another Processor").endsWith("</html>\n");
        assertThat(out.toString()).contains("2 files");
    }

    @Test
    void namesAFileThatIsNoResult() throws IOException {
        Path other = Files.writeString(folder.resolve("other.json"), "[]");
        assertThat(run("report", other.toString())).isEqualTo(Main.EXIT_UNUSABLE);
        assertThat(err.toString()).contains("other.json");
    }
}

package dev.halcyon.bench.result;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.halcyon.bench.report.SampleFiles;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

final class BenchFileTest {
    @TempDir private Path folder;

    @Test
    void readsBackWhatItWrote() {
        BenchFile file = SampleFiles.server();
        Path path = folder.resolve("made").resolve("results.json");
        file.write(path);
        assertThat(BenchFile.read(path)).isEqualTo(file);
    }

    @Test
    void hasTheFieldsThatOthersRelyOn() throws IOException {
        Path path = folder.resolve("results.json");
        SampleFiles.server().write(path);
        JsonNode whole = JsonMapper.shared().readTree(Files.readString(path));
        assertThat(whole.get("machine").get("ceilings").get(0).propertyNames())
                .contains("device", "threads", "peaks", "bytesPerSecond");
        JsonNode row = whole.get("results").get(0);
        assertThat(row.propertyNames())
                .containsAll(
                        List.of(
                                "suite",
                                "case",
                                "device",
                                "variant",
                                "dtype",
                                "medianSeconds",
                                "spread",
                                "flops",
                                "bytes",
                                "shareOfFloor",
                                "peers"));
        assertThat(row.get("peers").get(0).propertyNames())
                .containsAll(List.of("name", "version", "medianSeconds", "ratio"));
        double ours = row.get("medianSeconds").asDouble();
        JsonNode peer = row.get("peers").get(0);
        assertThat(peer.get("ratio").asDouble())
                .isEqualTo(peer.get("medianSeconds").asDouble() / ours);
    }

    @Test
    void namesTheFileThatIsNone() throws IOException {
        Path text = Files.writeString(folder.resolve("text.json"), "no JSON");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BenchFile.read(text))
                .withMessageContaining("text.json");
        Path other = Files.writeString(folder.resolve("other.json"), "{\"results\": []}");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BenchFile.read(other))
                .withMessageContaining("other.json")
                .withMessageContaining("machine");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BenchFile.read(folder.resolve("missing.json")))
                .withMessageContaining("missing.json");
    }
}

package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.stream.IntStream;

class NearNamesTest {
    @Test
    void bestFirstAndAtMostThree() {
        List<String> names =
                IntStream.range(0, 200)
                        .mapToObj(i -> "model.layers." + i + ".mlp.gate.weight")
                        .toList();
        assertThat(NearNames.of("model.layers.7.mlp.gat.weight", names))
                .hasSize(3)
                .first()
                .isEqualTo("model.layers.7.mlp.gate.weight");
        assertThat(NearNames.of("completely different", names)).isEmpty();
        assertThat(NearNames.of("", List.of("", "a"))).isEmpty();
    }

    @Test
    void quotingEscapesAndShortens() {
        assertThat(Quoted.text("a\u202eb\ud800\u2028")).isEqualTo("\"a\\u202eb\\ud800\\u2028\"");
        assertThat(Quoted.bare("x".repeat(200))).hasSize(120 + "... (200 characters)".length());
    }
}

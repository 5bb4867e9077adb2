package dev.halcyon.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.List;

/// The checkpoints whose continuation the model's own code has written down.
final class FixtureGenerationTest {
    /// What BF16 between kernels may move a logit by, relative to the largest.
    private static final double BF16_TOLERANCE = 3e-2;

    private static Device device;

    @BeforeAll
    static void open() {
        device = Devices.cpu();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static List<Integer> prompt(Fixture fixture) {
        return boxed(fixture.ints("in.prompt"));
    }

    private static List<Integer> expected(Fixture fixture) {
        return boxed(fixture.ints("out.generated"));
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    private static List<Integer> generate(Fixture fixture, EngineOptions options) {
        try (Engine engine = Engine.open(fixture.checkpoint(), device, options)) {
            int count = expected(fixture).size();
            Sequence answer = engine.generate(Request.greedy(prompt(fixture), count));
            assertThat(answer.finishReason()).isEqualTo(Sequence.FinishReason.LENGTH);
            return answer.tokens();
        }
    }

    /// A context chunk that does not divide the prompt, is one row, or is all of it.
    @ParameterizedTest
    @CsvSource({"1, 1", "1, 4", "3, 2", "3, 5", "7, 1", "7, 3", "64, 64"})
    void chunksDoNotChangeTheTokens(int prefillChunk, int contextChunk) {
        for (String name : List.of("e04_tiny_v3", "e05_tiny_fp8")) {
            Fixture fixture = FixtureSet.bundled().named(name);
            EngineOptions options =
                    EngineOptions.defaults()
                            .withCapacity(1, 40)
                            .withChunks(prefillChunk, contextChunk);
            assertThat(generate(fixture, options)).as(name).isEqualTo(expected(fixture));
        }
    }

    /// The margins of these two are wider than what rounding the cache to BF16 does to their
    /// logits.
    @ParameterizedTest
    @ValueSource(strings = {"e04_tiny_v3", "e05_tiny_fp8"})
    void aCacheInBf16GivesTheSameTokens(String name) {
        Fixture fixture = FixtureSet.bundled().named(name);
        EngineOptions options =
                EngineOptions.defaults()
                        .withCapacity(1, 40)
                        .withChunks(4, 3)
                        .withTypes(DType.F32, DType.BF16);
        assertThat(generate(fixture, options)).isEqualTo(expected(fixture));
    }

    @ParameterizedTest
    @ValueSource(strings = {"e04_tiny_v3", "e05_tiny_fp8"})
    void everythingInBf16GivesTheSameTokensUntilTwoAreClose(String name) {
        Fixture fixture = FixtureSet.bundled().named(name);
        double[] gaps = fixture.doubles("out.top1_top2_gap");
        double largest =
                Arrays.stream(fixture.doubles("out.step_logits"))
                        .map(Math::abs)
                        .max()
                        .orElseThrow();
        int clear = 0;
        while (clear < gaps.length && gaps[clear] > BF16_TOLERANCE * largest) {
            clear++;
        }
        assertThat(clear).as("tokens decided by more than BF16 confuses").isPositive();
        EngineOptions options =
                EngineOptions.defaults()
                        .withCapacity(1, 40)
                        .withChunks(4, 3)
                        .withTypes(DType.BF16, DType.BF16);
        assertThat(generate(fixture, options).subList(0, clear))
                .isEqualTo(expected(fixture).subList(0, clear));
    }

    @ParameterizedTest
    @ValueSource(strings = {"e04_tiny_v3", "e05_tiny_fp8"})
    void weightsInTheDevicesLayoutsGiveTheSameTokens(String name) {
        Fixture fixture = FixtureSet.bundled().named(name);
        EngineOptions options =
                EngineOptions.defaults()
                        .withCapacity(1, 40)
                        .withChunks(4, 3)
                        .withPackedWeights(true);
        assertThat(generate(fixture, options)).isEqualTo(expected(fixture));
    }

    @ParameterizedTest
    @ValueSource(strings = {"e04_tiny_v3", "e05_tiny_fp8"})
    void batchInvarianceAndOtherRowsDoNotChangeTheTokens(String name) {
        Fixture fixture = FixtureSet.bundled().named(name);
        EngineOptions options =
                EngineOptions.defaults().withCapacity(5, 40).withBatchInvariant(true);
        List<Integer> tokens = expected(fixture);
        try (Engine engine = Engine.open(fixture.checkpoint(), device, options)) {
            Sequence first = engine.add(Request.greedy(List.of(5), 30));
            Sequence wanted = engine.add(Request.greedy(prompt(fixture), tokens.size()));
            Sequence second = engine.add(Request.greedy(List.of(9, 8, 7), 3));
            while (engine.step()) {
                assertThat(first.tokens().size()).isLessThanOrEqualTo(30);
            }
            assertThat(wanted.tokens()).isEqualTo(tokens);
            assertThat(first.tokens()).hasSize(30);
            assertThat(second.tokens()).hasSize(3);
        }
    }

    @Test
    void weightsAreMappedWhereTheyLie() {
        for (String name : List.of("e04_tiny_v3", "e05_tiny_fp8")) {
            EngineOptions options = EngineOptions.defaults().withCapacity(1, 16);
            try (Engine engine =
                    Engine.open(FixtureSet.bundled().named(name).checkpoint(), device, options)) {
                assertThat(engine.copiedWeights()).as(name).isEmpty();
            }
        }
    }
}

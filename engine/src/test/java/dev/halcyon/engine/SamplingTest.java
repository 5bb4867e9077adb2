package dev.halcyon.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.hal.Device;
import dev.halcyon.tck.fixture.ModelAssembly;
import dev.halcyon.tck.oracle.DecoderModel;
import dev.halcyon.tck.oracle.MlaLayer;
import dev.halcyon.tck.oracle.Sampling;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// How tokens are drawn, in prefill (the first) and in decode (all others).
final class SamplingTest {
    private static final List<Integer> PROMPT = List.of(2, 5, 1, 4);
    private static final int VOCABULARY = 6;

    @TempDir private static Path temporary;

    private static Path model;
    private static Device device;
    private static Engine engine;

    @BeforeAll
    static void open() {
        model =
                TinyCheckpoint.of(
                                TinyConfigs.withVocabulary(TinyConfigs.moonlight(), VOCABULARY), 41)
                        .write(temporary.resolve("model"));
        device = Devices.cpu();
        engine = Engine.open(model, device, EngineOptions.defaults().withCapacity(16, 64));
    }

    @AfterAll
    static void close() {
        engine.close();
        device.close();
    }

    private static SamplingOptions seeded(long seed) {
        return new SamplingOptions(1, 1, 0, seed);
    }

    private static List<Integer> generate(int count, SamplingOptions sampling) {
        return engine.generate(new Request(PROMPT, count, sampling, Set.of())).tokens();
    }

    @Test
    void aSeedGivesOneAnswerAndAnotherSeedAnother() {
        List<Integer> first = generate(40, seeded(11));
        assertThat(generate(40, seeded(11))).isEqualTo(first);
        assertThat(generate(40, seeded(12))).isNotEqualTo(first);
        assertThat(generate(40, seeded(-11))).isNotEqualTo(first);
        assertThat(generate(40, seeded(11L << 32)))
                .as("the upper half of a seed counts")
                .isNotEqualTo(first);
    }

    @Test
    void noTemperatureATinyMassAndOneCandidateAreGreedy() {
        List<Integer> greedy = engine.generate(Request.greedy(PROMPT, 20)).tokens();
        assertThat(generate(20, new SamplingOptions(0, 0.3, 2, 5))).isEqualTo(greedy);
        assertThat(generate(20, new SamplingOptions(1e-300, 1, 0, 5))).isEqualTo(greedy);
        assertThat(generate(20, new SamplingOptions(2, 1e-9, 0, 5))).isEqualTo(greedy);
        assertThat(generate(20, new SamplingOptions(2, Double.MIN_VALUE, 0, 5))).isEqualTo(greedy);
        assertThat(generate(20, new SamplingOptions(2, 1, 1, 5))).isEqualTo(greedy);
    }

    /// Token for token what the oracle draws with the same random numbers, until one falls on a
    /// border.
    @Test
    void drawsWhatTheOracleDraws() {
        List<SamplingOptions> ways =
                List.of(
                        seeded(1),
                        new SamplingOptions(0.7, 1, 0, 2),
                        new SamplingOptions(1.5, 0.8, 0, 3),
                        new SamplingOptions(1.5, 1, 3, 4),
                        new SamplingOptions(3, 0.9, 4, 5));
        int compared = 0;
        for (SamplingOptions way : ways) {
            List<Integer> drawn = oracle(40, way);
            assertThat(generate(40, way).subList(0, drawn.size())).as("%s", way).isEqualTo(drawn);
            compared += drawn.size();
        }
        assertThat(compared).as("tokens before the first border").isGreaterThan(150);
    }

    private static List<Integer> oracle(int count, SamplingOptions way) {
        try (CheckpointFolder folder = CheckpointFolder.open(model)) {
            DecoderModel.Sequence sequence = ModelAssembly.model(folder).new Sequence();
            List<Integer> tokens = new ArrayList<>();
            int[] next = PROMPT.stream().mapToInt(Integer::intValue).toArray();
            while (tokens.size() < count) {
                double[] logits = last(sequence.forward(next, MlaLayer.Form.NAIVE).logits());
                double[] chances =
                        Sampling.distribution(logits, way.temperature(), way.topK(), way.topP());
                double uniform = Sampling.uniform(way.seed(), sequence.length() - 1);
                if (Sampling.margin(chances, uniform) < 1e-4) {
                    break;
                }
                tokens.add(Sampling.draw(chances, uniform));
                next = new int[] {tokens.getLast()};
            }
            return tokens;
        }
    }

    private static double[] last(double[] logits) {
        return Arrays.copyOfRange(logits, logits.length - VOCABULARY, logits.length);
    }

    /// Pairs of tokens over many seeds come as often as the model says: the first is drawn by
    /// prefill, the second by decode.
    @Test
    void tokensComeAsOftenAsTheModelSays() {
        int draws = 1500;
        double temperature = 1.5;
        List<Sequence> answers = new ArrayList<>();
        for (int seed = 0; seed < draws; seed++) {
            SamplingOptions sampling = new SamplingOptions(temperature, 1, 0, seed * 7919L);
            answers.add(engine.add(new Request(PROMPT, 2, sampling, Set.of())));
        }
        boolean busy = true;
        while (busy) {
            busy = engine.step();
        }
        int[][] counts = new int[VOCABULARY][VOCABULARY];
        answers.forEach(answer -> counts[answer.tokens().get(0)][answer.tokens().get(1)]++);
        double[][] chances = pairs(temperature);
        double statistic = 0;
        int cells = 0;
        double rareExpected = 0;
        double rareFound = 0;
        for (int a = 0; a < VOCABULARY; a++) {
            for (int b = 0; b < VOCABULARY; b++) {
                double expected = draws * chances[a][b];
                if (expected < 5) {
                    rareExpected += expected;
                    rareFound += counts[a][b];
                } else {
                    statistic += Math.pow(counts[a][b] - expected, 2) / expected;
                    cells++;
                }
            }
        }
        if (rareExpected >= 5) {
            statistic += Math.pow(rareFound - rareExpected, 2) / rareExpected;
            cells++;
        } else {
            assertThat(rareFound).isLessThan(5 * (1 + rareExpected));
        }
        double freedom = cells - 1;
        assertThat(cells).as("pairs that are not rare").isGreaterThan(12);
        assertThat(statistic)
                .as("chi-square with %s degrees of freedom", freedom)
                .isLessThan(freedom + 4 * Math.sqrt(2 * freedom));
    }

    private static double[][] pairs(double temperature) {
        int[] prompt = PROMPT.stream().mapToInt(Integer::intValue).toArray();
        double[][] chances = new double[VOCABULARY][VOCABULARY];
        try (CheckpointFolder folder = CheckpointFolder.open(model)) {
            DecoderModel oracle = ModelAssembly.model(folder);
            for (int a = 0; a < VOCABULARY; a++) {
                DecoderModel.Sequence sequence = oracle.new Sequence();
                double[] first = last(sequence.forward(prompt, MlaLayer.Form.NAIVE).logits());
                double chance = Sampling.distribution(first, temperature, 0, 1)[a];
                double[] second =
                        last(sequence.forward(new int[] {a}, MlaLayer.Form.NAIVE).logits());
                double[] given = Sampling.distribution(second, temperature, 0, 1);
                for (int b = 0; b < VOCABULARY; b++) {
                    chances[a][b] = chance * given[b];
                }
            }
        }
        return chances;
    }

    @Test
    void stopsAtAStopTokenAndKeepsIt() {
        List<Integer> greedy = engine.generate(Request.greedy(PROMPT, 20)).tokens();
        int stop = greedy.get(4);
        Sequence answer =
                engine.generate(new Request(PROMPT, 20, SamplingOptions.GREEDY, Set.of(stop)));
        assertThat(answer.finishReason()).isEqualTo(Sequence.FinishReason.STOP);
        assertThat(answer.tokens()).isEqualTo(greedy.subList(0, greedy.indexOf(stop) + 1));
        Sequence atOnce =
                engine.generate(
                        new Request(PROMPT, 20, SamplingOptions.GREEDY, Set.of(greedy.getFirst())));
        assertThat(atOnce.tokens()).isEqualTo(greedy.subList(0, 1));
    }

    @Test
    void refusesWhatCannotBeMeant() {
        assertRefused(() -> new SamplingOptions(-1, 1, 0, 0), "temperature", "-1");
        assertRefused(() -> new SamplingOptions(Double.NaN, 1, 0, 0), "temperature", "NaN");
        assertRefused(
                () -> new SamplingOptions(Double.POSITIVE_INFINITY, 1, 0, 0),
                "temperature",
                "Infinity");
        assertRefused(() -> new SamplingOptions(1, 0, 0, 0), "top-p", "0.0");
        assertRefused(() -> new SamplingOptions(1, 1.5, 0, 0), "top-p", "1.5");
        assertRefused(() -> new SamplingOptions(1, Double.NaN, 0, 0), "top-p", "NaN");
        assertRefused(() -> new SamplingOptions(1, 1, -3, 0), "top-k", "-3");
    }

    private static void assertRefused(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(parts);
    }
}

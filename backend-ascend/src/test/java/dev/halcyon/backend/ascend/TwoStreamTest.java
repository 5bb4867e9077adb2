package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.hal.Device;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.List;

/// Two streams that wait for each other give the same bits whatever the delays, and nothing is left
/// over; one wait less is caught whatever the delays.
///
/// 10 seeds; 200 with `-Pthorough`.
class TwoStreamTest {
    private static final int SEEDS = Boolean.getBoolean("halcyon.thorough") ? 200 : 10;

    private static float[] run(EmulatedProcess process, int seed, int omitted) {
        process.control().configure("seed", String.valueOf(seed));
        process.control().configure("delay.us", seed == 0 ? "0" : "40");
        try (Device device = process.open()) {
            return new TwoStreamProgram(omitted).run(device);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"head", "8.1"})
    void everyDelayGivesTheSameBits(String profile) {
        EmulatedProcess process = EmulatedProcess.start(profile, "two streams");
        float[] expected = run(process, 0, -1);
        for (float value : expected) {
            assertThat(value).isFinite();
        }
        for (int seed = 1; seed <= SEEDS; seed++) {
            assertThat(run(process, seed, -1)).as("seed %d", seed).containsExactly(expected);
            assertThat(process.control().violations()).as("seed %d", seed).isEmpty();
        }
        process.assertClean(profile);
    }

    /// Another wait is left out with every seed.
    @Test
    void everyMissingWaitIsCaught() {
        EmulatedProcess process = EmulatedProcess.start("head", "two streams");
        for (int seed = 1; seed <= SEEDS; seed++) {
            int omitted = seed % TwoStreamProgram.WAITS;
            run(process, seed, omitted);
            List<String> found = process.control().violations();
            assertThat(found)
                    .as("seed %d, wait %d left out", seed, omitted)
                    .anyMatch(line -> line.startsWith("rule 5:"));
            process.control().clear();
        }
        process.control().reset();
    }
}

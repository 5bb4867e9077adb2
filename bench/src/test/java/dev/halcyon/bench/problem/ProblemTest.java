package dev.halcyon.bench.problem;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import tools.jackson.databind.json.JsonMapper;

import java.util.stream.Stream;

final class ProblemTest {
    static Stream<Problem> problems() {
        return Stream.of(
                GemmProblem.square(64, F32),
                GemmProblem.coldLinear(8, 7168, 2048, BF16),
                MoeProblem.moonlight(1, BF16, true),
                MoeProblem.moonlight(16, BF16, false),
                DecodeProblem.of(16, 4096),
                PrefillProblem.v2Lite(128, BF16),
                new MuonProblem(2, 64, 96, true));
    }

    @ParameterizedTest
    @MethodSource("problems")
    void reachesAPeerAsItIs(Problem problem) {
        String line = JsonMapper.shared().writeValueAsString(problem);
        assertThat(line).doesNotContain("\n");
        assertThat(JsonMapper.shared().readValue(line, Problem.class)).isEqualTo(problem);
    }

    @Test
    void sendsASingleTokenToOneBlockAfterTheOther() {
        MoeProblem problem = MoeProblem.moonlight(1, BF16, true);
        assertThat(problem.biases()).isEqualTo(10);
        float[] third = problem.bias(12);
        for (int expert = 0; expert < third.length; expert++) {
            boolean inBlock = expert >= 12 && expert < 18;
            assertThat(third[expert]).isEqualTo(inBlock ? MoeProblem.STEERING_BIAS : 0);
        }
        assertThat(problem.coldBytes()).isEqualTo(60 * problem.expertBytes());
    }

    @Test
    void countsTheCheaperFormOfMuon() {
        // Wide: two starts of 3 n² m, fourteen small products of n³.
        double n = 2048;
        double m = 7168;
        assertThat(new MuonProblem(1, 2048, 7168, false).leastFlops(5))
                .isCloseTo(6 * n * n * m + 14 * n * n * n, within(1.0));
        // Square: five iterations of 3 n² n + n³ are 20 n³, as are six times n³ and fourteen.
        assertThat(new MuonProblem(3, 128, 128, true).leastFlops(5))
                .isCloseTo(3 * 20 * Math.pow(128, 3), within(1.0));
        // A single iteration has no small product to save on.
        assertThat(new MuonProblem(1, 100, 200, true).leastFlops(1))
                .isCloseTo(3 * 2e6 + 1e6, within(1.0));
    }

    @Test
    void refusesTallMatrices() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MuonProblem(1, 3, 2, true))
                .withMessageContaining("3");
    }
}

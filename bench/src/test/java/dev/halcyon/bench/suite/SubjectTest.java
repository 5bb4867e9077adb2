package dev.halcyon.bench.suite;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.F8_E4M3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.halcyon.bench.ceiling.CeilingMeter;
import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Selector;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;

/// Every kind of problem, small, on the processor.
final class SubjectTest {
    private static CeilingMeter meter;
    private static Subject subject;

    @BeforeAll
    static void open() {
        meter = CeilingMeter.open();
        subject = new Subject(Halcyon.open(Selector.of("cpu")), meter);
    }

    @AfterAll
    static void close() {
        subject.close();
        meter.close();
    }

    static Stream<Problem> problems() {
        return Stream.of(
                GemmProblem.square(65, F32),
                GemmProblem.general(5, 130, 33, F32),
                new GemmProblem(9, 256, 96, BF16, true, true),
                new MoeProblem(1, 256, 128, 8, 2, BF16, true),
                new MoeProblem(7, 256, 128, 8, 2, BF16, false),
                new MoeProblem(1, 256, 128, 8, 2, F8_E4M3, true),
                DecodeProblem.of(4, 256),
                new PrefillProblem(3, 32, 16, 32, 70, F32),
                new PrefillProblem(3, 32, 16, 32, 70, BF16),
                new MuonProblem(1, 64, 96, false),
                new MuonProblem(3, 48, 80, true));
    }

    @ParameterizedTest
    @MethodSource("problems")
    void preparesWhatTheOracleApproves(Problem problem) {
        int copies = problem.coldBytes() > 0 ? 2 : 1;
        try (Workload workload = subject.prepare(problem, copies)) {
            for (int turn = 0; turn < 3; turn++) {
                workload.run(turn);
            }
            Accuracy accuracy = workload.check().get();
            assertThat(accuracy.isGood())
                    .as(
                            "%s: error %s, allowed %s, %s",
                            problem.title(), accuracy.error(), accuracy.tolerance(), accuracy.how())
                    .isTrue();
            assertThat(workload.flops()).isPositive();
            assertThat(workload.bytes()).isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("problems")
    void givesTheSameElementsAgain(Problem problem) {
        try (Workload workload = subject.prepare(problem, 1)) {
            long[] positions = Samples.positions(problem.resultElements(), 20);
            double[] first = workload.result().apply(positions);
            workload.run(1);
            assertThat(workload.result().apply(positions)).isEqualTo(first);
            assertThat(Arrays.stream(first).anyMatch(value -> value != 0)).isTrue();
        }
    }

    @Test
    void takesCopiesInTurn() {
        try (Workload workload = subject.prepare(new GemmProblem(2, 64, 32, BF16, true, true), 5)) {
            Set<Launch> launches = new HashSet<>(workload.launches());
            assertThat(launches).hasSize(5);
        }
    }

    @Test
    void keepsExpertsForTheNextCase() {
        MoeProblem one = new MoeProblem(1, 256, 128, 8, 2, BF16, true);
        MoeProblem seven = new MoeProblem(7, 256, 128, 8, 2, BF16, false);
        try (Workload _ = subject.prepare(one, 1)) {
            long before = subject.device().counters().submits();
            try (Workload _ = subject.prepare(seven, 1)) {
                // Making them packs every matrix; keeping them packs none.
                assertThat(subject.device().counters().submits() - before).isLessThan(10);
            }
        }
    }

    @Test
    void refusesACacheThatDoesNotFillItsPages() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> subject.prepare(DecodeProblem.of(2, 100), 2))
                .withMessageContaining("100");
    }

    @Test
    void anErrorThatIsNoNumberDoesNotCount() {
        assertThat(new Accuracy(Double.NaN, 1, "").isGood()).isFalse();
        assertThat(new Accuracy(2, 1, "").isGood()).isFalse();
        assertThat(new Accuracy(1, 1, "").isGood()).isTrue();
    }
}

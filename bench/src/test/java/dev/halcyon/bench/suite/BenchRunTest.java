package dev.halcyon.bench.suite;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.halcyon.bench.goal.Target;
import dev.halcyon.bench.goal.Targets;
import dev.halcyon.bench.micro.HalMicro;
import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.report.ReportPage;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.round.Pace;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// A whole run of a few tiny cases.
final class BenchRunTest {
    private static final Pace BRIEF =
            new Pace(3, 3, 0.001, 0.001, 0.01, 1, Duration.ZERO, Duration.ZERO, 60, true);
    private static final BenchOptions OPTIONS =
            new BenchOptions(Set.of("gemm", "mla"), false, false, false, "");

    private final StringWriter said = new StringWriter();

    @TempDir private Path folder;

    private BenchOutcome run(List<CaseList.Case> cases) {
        DeviceOptions two =
                DeviceOptions.fromSystemProperties().withProperty("halcyon.cpu.threads", "2");
        DeviceOptions one = two.withProperty("halcyon.cpu.threads", "1");
        Selector cpu = Selector.of("cpu");
        return new BenchRun(OPTIONS, BRIEF, new PrintWriter(said))
                .run(
                        List.of(
                                new BenchRun.Opened(
                                        List.of(
                                                new Contestant(
                                                        Halcyon.open(cpu, two),
                                                        Halcyon.open(cpu, one),
                                                        NativeCode.OFF)),
                                        "cpu")),
                        cases,
                        List.of());
    }

    @Test
    void measuresChecksAndWritesWhatTheReportReads() {
        BenchOutcome outcome =
                run(
                        List.of(
                                new CaseList.Case(GemmProblem.square(64, F32), true, true),
                                new CaseList.Case(
                                        new GemmProblem(3, 256, 128, BF16, true, false),
                                        true,
                                        false)));
        Path path = folder.resolve("results.json");
        outcome.file().write(path);
        BenchFile file = BenchFile.read(path);
        assertThat(file).isEqualTo(outcome.file());
        assertThat(file.results())
                .extracting(Result::title)
                .containsExactly(
                        "GEMM F32 64x64x64",
                        "GEMM F32 64x64x64, 1 thread",
                        "linear BF16 3x256x128");
        for (Result row : file.results()) {
            assertThat(row.medianSeconds()).isPositive();
            assertThat(row.error()).isLessThanOrEqualTo(row.tolerance());
            assertThat(row.shareOfFloor()).isPositive();
            assertThat(row.variant()).isNotEmpty();
            assertThat(row.rounds()).isGreaterThanOrEqualTo(3);
        }
        assertThat(file.results().getFirst().threads()).isEqualTo(2);
        assertThat(file.results().getFirst().oneThreadRatio()).isPositive();
        assertThat(file.machine().ceilings()).hasSize(2);
        assertThat(ResultText.of(file)).contains("GEMM F32 64x64x64").contains("GFLOP/s");
        assertThat(ReportPage.of(List.of(file))).contains("linear BF16 3x256x128");
    }

    @Test
    void goesOnAfterACaseThatCannotBeSetUp() {
        BenchOutcome outcome =
                run(
                        List.of(
                                new CaseList.Case(DecodeProblem.of(2, 100), true, false),
                                new CaseList.Case(GemmProblem.square(32, F32), true, false)));
        assertThat(outcome.file().results()).hasSize(1);
        assertThat(outcome.file().notRun()).hasSize(1);
        assertThat(outcome.file().notRun().getFirst().reason()).contains("100 rows");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(said.toString()).contains("NOT RUN: mla decode");
    }

    @Test
    void refusesSuitesAndCasesThatThereAreNot() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BenchOptions(Set.of("gem"), false, false, false, ""))
                .withMessageContaining("gem")
                .withMessageContaining("muon");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                new BenchRun(
                                                new BenchOptions(
                                                        Set.of("gemm"), true, false, false, "8192"),
                                                new PrintWriter(said))
                                        .run(List.of()))
                .withMessageContaining("8192");
    }

    @Test
    void everyTargetHasACase() {
        BenchOptions everything =
                new BenchOptions(Set.copyOf(BenchOptions.SUITES), false, false, false, "");
        List<String> names =
                Stream.concat(
                                CaseList.of(everything).stream().map(CaseList.Case::name),
                                HalMicro.names().stream().map(call -> "hal " + HalRows.title(call)))
                        .toList();
        for (Target target : Targets.all()) {
            assertThat(names).as(target.name()).containsAll(target.cases());
        }
    }

    @Test
    void whatScalesIsTimedOnOneThread() {
        BenchOptions everything =
                new BenchOptions(Set.copyOf(BenchOptions.SUITES), false, false, true, "");
        assertThat(CaseList.of(everything))
                .filteredOn(CaseList.Case::scaling)
                .extracting(CaseList.Case::name)
                .containsExactlyInAnyOrderElementsOf(
                        Targets.all().stream()
                                .filter(target -> target.name().equals("two threads over one"))
                                .flatMap(target -> target.cases().stream())
                                .toList());
    }
}

package dev.halcyon.tck.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.spi.Kernel;
import dev.halcyon.tck.verify.Verdict;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Every rule of the kit must catch the defect that it is there for.
class BrokenKernelTest {
    private static final long SEED = 7;
    private static final ConformanceSettings SETTINGS =
            new ConformanceSettings(List.of(), SEED, false, Path.of("target"));

    /// What the complaint must speak of, so that a defect is not caught by accident.
    private static final Map<BrokenKernel.Defect, String> COMPLAINTS =
            Map.ofEntries(
                    Map.entry(BrokenKernel.Defect.DROPS_LAST_COLUMN, "out["),
                    Map.entry(BrokenKernel.Defect.WRITES_BEHIND_ROWS, "was changed"),
                    Map.entry(BrokenKernel.Defect.CHANGES_AN_INPUT, "x: byte"),
                    Map.entry(BrokenKernel.Defect.READS_ITS_OUTPUT, "NaN"),
                    Map.entry(BrokenKernel.Defect.READS_ITS_WORKSPACE, "NaN"),
                    Map.entry(BrokenKernel.Defect.WRITES_BESIDE_THE_WORKSPACE, "workspace"),
                    Map.entry(BrokenKernel.Defect.IGNORES_ROW_STRIDES, "out"),
                    Map.entry(BrokenKernel.Defect.COMPUTES_IN_BF16, "tolerance"),
                    Map.entry(BrokenKernel.Defect.DEPENDS_ON_THE_BATCH, "batch invariance"),
                    Map.entry(
                            BrokenKernel.Defect.DEPENDS_ON_THE_BOUND,
                            "batch invariance under another bound"),
                    Map.entry(BrokenKernel.Defect.DEPENDS_ON_THE_RUN, "reproducible"),
                    Map.entry(BrokenKernel.Defect.REMEMBERS_ITS_FIRST_INPUT, "changed inputs"),
                    Map.entry(BrokenKernel.Defect.SUPPORTS_WHAT_IT_DOES_NOT_PLAN, "limits"),
                    Map.entry(BrokenKernel.Defect.THROWS, "out of registers"));

    @ParameterizedTest
    @EnumSource
    void noticesTheDefect(BrokenKernel.Defect defect) {
        List<CaseResult> failed;
        try (Device device =
                new OracleBackend()
                        .with(new BrokenKernel(defect))
                        .open(0, DeviceOptions.defaults())) {
            failed =
                    results(device, "Axpby").stream()
                            .filter(result -> result.verdict() == Verdict.FAIL)
                            .toList();
        }
        if (defect == BrokenKernel.Defect.NONE) {
            assertThat(failed).isEmpty();
        } else {
            assertThat(failed)
                    .anySatisfy(
                            result ->
                                    assertThat(result.detail())
                                            .contains(COMPLAINTS.get(defect))
                                            .contains("seed " + SEED));
        }
    }

    @Test
    void noticesThatABadIndexRaisesNoFault() {
        Kernel<?, ?, HostWork> silent = new SilentKernel<>(Embedding.class);
        try (Device device = new OracleBackend().with(silent).open(0, DeviceOptions.defaults())) {
            assertThat(results(device, "Embedding bad id"))
                    .isNotEmpty()
                    .allSatisfy(
                            result -> {
                                assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
                                assertThat(result.detail()).contains("the stream did not fail");
                            });
        }
    }

    @Test
    void declinesWhatADeviceDeclinesAndSaysWhy() {
        try (Device device =
                new OracleBackend().without(MoeDispatch.class).open(0, DeviceOptions.defaults())) {
            assertThat(results(device, "MoeDispatch spread, alignment 1"))
                    .singleElement()
                    .satisfies(
                            result -> {
                                assertThat(result.verdict()).isEqualTo(Verdict.DECLINED);
                                assertThat(result.detail()).contains("NO_KERNEL");
                            });
        }
    }

    @Test
    void countsAnExcusedFailureAndRefusesAnExcusedPass() {
        CaseResult failed =
                new CaseResult("Gemm 1", "Gemm", Verdict.FAIL, 1, 0.5, Set.of(), "wrong");
        CaseResult passed = new CaseResult("Gemm 1", "Gemm", Verdict.PASS, 0, 0.5, Set.of(), "");
        assertThat(failed.excused("issue 17").verdict()).isEqualTo(Verdict.XFAIL);
        assertThat(failed.excused("issue 17").line()).contains("issue 17").contains("wrong");
        assertThat(passed.excused("issue 17").verdict()).isEqualTo(Verdict.FAIL);
        assertThat(passed.excused("issue 17").line()).contains("take the exception out");
    }

    @Test
    void namesTheImplementationThatNoCaseRan() {
        try (Device device = new OracleBackend().open(0, DeviceOptions.defaults())) {
            ConformanceReport report = new ConformanceReport(device, SETTINGS);
            results(device, "Copy").forEach(report::add);
            assertThat(report.unreached()).contains("oracle.Gemm").doesNotContain("oracle.Copy");
            assertThat(report.reached().get("oracle.Copy")).contains("Copy 1x1 F32");
            assertThat(report.toJson())
                    .contains("\"unreached\"")
                    .contains("\"oracle.Copy\"")
                    .contains("\"seed\" : " + SEED);
        }
    }

    private static List<CaseResult> results(Device device, String prefix) {
        return ConformanceCases.all(false).stream()
                .filter(one -> one.name().startsWith(prefix))
                .map(one -> one.run(device, SEED))
                .toList();
    }
}

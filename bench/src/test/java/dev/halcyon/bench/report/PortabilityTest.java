package dev.halcyon.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.bench.report.Portability.CaseScore;
import dev.halcyon.bench.report.Portability.DeviceKey;

import org.junit.jupiter.api.Test;

import java.util.List;

final class PortabilityTest {
    private static final DeviceKey LAPTOP = new DeviceKey("Another Processor", "cpu:0");

    private static CaseScore score(Portability portability, String name) {
        return portability.cases().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void isTheHarmonicMeanOverTheDevices() {
        Portability both = Portability.of(SampleFiles.two());
        double expected = 2 / (1 / 0.69 + 1 / 0.5);
        assertThat(score(both, "gemm GEMM F32 512x512x512").metric())
                .isCloseTo(expected, within(1e-12));
    }

    @Test
    void isZeroWhereADeviceDoesNotRunACase() {
        Portability both = Portability.of(SampleFiles.two());
        CaseScore muon = score(both, "muon step BF16 2048x7168, Gram");
        assertThat(muon.metric()).isZero();
        assertThat(muon.missing()).containsExactly(LAPTOP);
        assertThat(both.metric()).isZero();
    }

    @Test
    void countsWhatWasNotRunAsZero() {
        Portability one = Portability.of(List.of(SampleFiles.server()));
        assertThat(score(one, "muon step BF16 64 x (1408x2048), Gram").metric()).isZero();
    }

    @Test
    void leavesEmulatedDevicesOut() {
        Portability one = Portability.of(List.of(SampleFiles.server()));
        assertThat(one.devices()).extracting(DeviceKey::device).containsExactly("cpu:0");
    }

    @Test
    void leavesCallsOfTheApiOut() {
        Portability one = Portability.of(List.of(SampleFiles.server()));
        assertThat(one.cases()).noneMatch(each -> each.name().startsWith("hal "));
    }

    @Test
    void neverExceedsTheBestAndNeverFallsBelowTheWorst() {
        assertThat(Portability.harmonicMean(List.of(0.2, 0.8))).isBetween(0.2, 0.5);
        assertThat(Portability.harmonicMean(List.of(0.4))).isEqualTo(0.4);
        assertThat(Portability.harmonicMean(List.of())).isZero();
    }
}

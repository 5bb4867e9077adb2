package dev.halcyon.backend.cpu.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.cpu.CpuBackendProvider;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;
import dev.halcyon.tck.verify.FixtureResult;
import dev.halcyon.tck.verify.FixtureVerifier;
import dev.halcyon.tck.verify.Verdict;
import dev.halcyon.tck.verify.VerificationReport;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What `halcyon verify` must say of the processor: nothing fails, and what is declined is what no
/// spec exists for.
class CpuVerifyTest {
    private static final CpuBackendProvider PROVIDER = new CpuBackendProvider();

    @BeforeAll
    static void requireTheVariant() {
        if (PROVIDER.probe() instanceof Availability.Unavailable unavailable) {
            System.out.println("SKIPPED: " + unavailable.describe());
            Assumptions.abort(unavailable.describe());
        }
    }

    @Test
    void declinesNothingButSparseAttentionHyperConnectionsAndGradients() {
        FixtureSet bundled = FixtureSet.bundled();
        VerificationReport report = verify(bundled);
        assertThat(failures(report)).isEmpty();
        List<String> declined = new ArrayList<>();
        for (Fixture fixture : bundled.fixtures()) {
            if (fixture.name().startsWith("g")) {
                declined.add(fixture.name());
            }
            if (fixture.hasGradients()) {
                declined.add(fixture.name() + "#grad");
            }
        }
        assertThat(report.results())
                .filteredOn(result -> result.verdict() == Verdict.DECLINED)
                .extracting(FixtureResult::name)
                .isEqualTo(declined);
        System.out.println("fixtures on the processor: " + report.summary());
    }

    /// `-Dhalcyon.fixtures=FOLDER` adds the cases of a folder, whose sizes and seeds may be others.
    @Test
    void passesTheCasesOfAGivenFolder() {
        String folder = System.getProperty("halcyon.fixtures");
        if (folder != null) {
            VerificationReport report = verify(FixtureSet.in(Path.of(folder)));
            System.out.println(folder + ": " + report.summary());
            assertThat(failures(report)).isEmpty();
        }
    }

    private static VerificationReport verify(FixtureSet set) {
        try (Device device = PROVIDER.open(0, DeviceOptions.fromSystemProperties())) {
            return FixtureVerifier.verify(device, set, result -> {});
        }
    }

    private static List<String> failures(VerificationReport report) {
        return report.results().stream()
                .filter(result -> result.verdict() == Verdict.FAIL)
                .map(FixtureResult::line)
                .toList();
    }
}

package dev.halcyon.backend.cuda.tck;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.tck.conformance.CaseResult;
import dev.halcyon.tck.conformance.ConformanceCase;
import dev.halcyon.tck.conformance.ConformanceCases;
import dev.halcyon.tck.conformance.ConformanceSettings;
import dev.halcyon.tck.verify.Verdict;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.Map;

/// A few cases of every spec, for tools such as compute-sanitizer that make kernels slow.
class CudaSanitizerTest {
    private static final int CASES_A_SPEC = 3;

    @Test
    void runsAFewCasesOfEverySpec() {
        GpuProvider provider = new GpuProvider();
        if (provider.probe() instanceof Availability.Unavailable unavailable) {
            String message = "no GPU for the sanitizer: " + unavailable.describe();
            System.out.println("SKIPPED: " + message);
            Assumptions.abort(message);
        }
        long seed = ConformanceSettings.fromSystemProperties().seed();
        Map<String, Integer> run = new HashMap<>();
        try (Device device = provider.open(0, DeviceOptions.fromSystemProperties())) {
            for (ConformanceCase one : ConformanceCases.all(false)) {
                if (run.getOrDefault(one.spec(), 0) < CASES_A_SPEC) {
                    CaseResult result = one.run(device, seed);
                    assertNotEquals(Verdict.FAIL, result.verdict(), result.line());
                    run.merge(one.spec(), result.verdict() == Verdict.PASS ? 1 : 0, Integer::sum);
                }
            }
        }
    }
}

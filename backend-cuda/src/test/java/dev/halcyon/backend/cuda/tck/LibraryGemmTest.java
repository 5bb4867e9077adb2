package dev.halcyon.backend.cuda.tck;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.StubProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.tck.conformance.CaseResult;
import dev.halcyon.tck.conformance.ConformanceCase;
import dev.halcyon.tck.conformance.ConformanceCases;
import dev.halcyon.tck.conformance.ConformanceSettings;
import dev.halcyon.tck.verify.Verdict;

import org.junit.jupiter.api.Test;

/// The kit's products by the stub of cuBLASLt: layouts, strides, transpositions and batches as the
/// library is told them, and our own kernel where it refuses.
class LibraryGemmTest {
    @Test
    void passesTheKitsProducts() {
        StubLibrary stub = StubLibrary.withKernelsOrSkip();
        DeviceOptions options =
                DeviceOptions.defaults()
                        .withProperty("halcyon.cuda.cublaslt", StubLibrary.blasOrSkip().toString());
        long seed = ConformanceSettings.fromSystemProperties().seed();
        long byLibrary = 0;
        try (Device device = new StubProvider().open(0, options)) {
            for (ConformanceCase one : ConformanceCases.all(false)) {
                if (one.spec().equals("Gemm")) {
                    stub.takeRecord();
                    CaseResult result = one.run(device, seed);
                    assertNotEquals(Verdict.FAIL, result.verdict(), result.line());
                    byLibrary +=
                            stub.takeRecord().stream().anyMatch("cublasLtMatmul()"::equals) ? 1 : 0;
                }
            }
        }
        assertTrue(byLibrary >= 20, "the library computed " + byLibrary + " products only");
    }
}

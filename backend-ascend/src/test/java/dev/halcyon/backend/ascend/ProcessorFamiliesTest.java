package dev.halcyon.backend.ascend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.conformance.CaseResult;
import dev.halcyon.tck.conformance.ConformanceCase;
import dev.halcyon.tck.conformance.ConformanceCases;
import dev.halcyon.tck.verify.Verdict;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.List;

/// Every family of processors: what it runs is right, and what it cannot run it says.
///
/// A selection of the conformance cases; all of them with `-Pthorough`.
class ProcessorFamiliesTest {
    private static final boolean THOROUGH = Boolean.getBoolean("halcyon.thorough");
    private static final int EVERY = THOROUGH ? 1 : 7;

    @ParameterizedTest
    @ValueSource(strings = {"910_9391", "950", "310P3"})
    void noCaseFails(String soc) {
        EmulatedProcess process = EmulatedProcess.start("head", "processor " + soc);
        process.control().configure("soc", soc);
        List<String> failed = new ArrayList<>();
        List<String> declined = new ArrayList<>();
        int passed = 0;
        int count = 0;
        try (Device device = process.open()) {
            assertThat(device.description().name()).contains(soc);
            for (ConformanceCase one : ConformanceCases.all(THOROUGH)) {
                if (count++ % EVERY != 0) {
                    continue;
                }
                CaseResult result = one.run(device, 1);
                if (result.verdict() == Verdict.FAIL) {
                    failed.add(result.line());
                } else if (result.verdict() == Verdict.DECLINED) {
                    declined.add(result.line());
                } else {
                    passed++;
                }
            }
        }
        System.out.println(soc + ": " + passed + " passed, " + declined.size() + " declined");
        assertThat(failed).isEmpty();
        assertThat(passed).isPositive();
        assertThat(declined).allSatisfy(line -> assertThat(line).contains(":"));
        assertThat(process.control().violations()).isEmpty();
        process.control().reset();
    }

    private static Support ofBf16Product(String soc) {
        EmulatedProcess process = EmulatedProcess.start("head", "processor " + soc);
        process.control().configure("soc", soc);
        try (Device device = process.open()) {
            return device.supports(
                    Gemm.linear(
                            4, 32, 32, DType.BF16, WeightFormat.rowMajor(DType.BF16), DType.BF16));
        } finally {
            process.control().reset();
        }
    }

    @Test
    void aProcessorWithoutBf16SaysSo() {
        assertThat(ofBf16Product("910B3")).isNotInstanceOf(Support.Declined.class);
        assertThat(ofBf16Product("950")).isNotInstanceOf(Support.Declined.class);
        assertThat(ofBf16Product("310P3"))
                .isInstanceOfSatisfying(
                        Support.Declined.class,
                        declined -> assertThat(declined.detail()).contains("BF16"));
    }
}

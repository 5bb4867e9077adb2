package dev.halcyon.bench.command;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.util.HashSet;
import java.util.Set;

/// Whatever is wrong with the machine, the doctor prints and exits with 0.
final class DoctorCommandTest {
    private static final String ISA = "halcyon.cpu.isa";

    private String isa;

    @BeforeEach
    void rememberSettings() {
        isa = System.getProperty(ISA);
    }

    @AfterEach
    void restoreSettings() {
        if (isa == null) {
            System.clearProperty(ISA);
        } else {
            System.setProperty(ISA, isa);
        }
    }

    @Test
    void textNamesEveryBackendAndTheChoice() {
        Invocation doctor = Invocation.of("doctor");
        assertThat(doctor.exitCode()).isZero();
        assertThat(doctor.err()).isEmpty();
        assertThat(doctor.out().lines())
                .anyMatch(line -> line.matches("java +OK .*"))
                .anyMatch(line -> line.matches("machine +OK .*processors.*"))
                .anyMatch(line -> line.matches("cpu:0 +OK .*isa=.*"))
                .anyMatch(line -> line.matches("(cuda|cuda:0) +(OK|MISSING) .*"))
                .anyMatch(line -> line.matches("(ascend|ascend:0) +(OK|MISSING) .*"))
                .anyMatch(line -> line.matches("auto +OK .*"));
        assertThat(doctor.out()).doesNotContain("looking failed");
    }

    @Test
    void whatIsMissingHasARemedy() {
        Invocation doctor = Invocation.of("doctor", "--json");
        for (JsonNode finding : findings(doctor)) {
            assertThat(finding.propertyNames())
                    .containsExactlyInAnyOrder("topic", "state", "detail", "remedy");
            if (!finding.get("state").stringValue().equals("OK")) {
                assertThat(finding.get("remedy").stringValue()).as("%s", finding).isNotBlank();
            }
        }
    }

    @Test
    void jsonHoldsTheSameFindings() {
        Invocation json = Invocation.of("doctor", "--json");
        assertThat(json.exitCode()).isZero();
        assertThat(json.err()).isEmpty();
        Set<String> topics = new HashSet<>();
        findings(json).forEach(finding -> topics.add(finding.get("topic").stringValue()));
        assertThat(topics).contains("java", "machine", "settings", "cpu:0", "auto");
        String text = Invocation.of("doctor").out();
        assertThat(topics).allSatisfy(topic -> assertThat(text).contains(topic));
    }

    /// With a setting that switches the last backend off there is no device at all, and each
    /// backend's remedy is still there.
    @Test
    void noDeviceAtAllIsAFindingAndNoFailure() {
        System.setProperty(ISA, "1024");
        Invocation text = Invocation.of("doctor");
        assertThat(text.exitCode()).isZero();
        assertThat(text.out()).contains("halcyon.cpu.isa=1024").doesNotContain("looking failed");
        assertThat(text.out().lines())
                .anyMatch(line -> line.matches("cpu +MISSING .*halcyon.cpu.isa.*"))
                .anyMatch(line -> line.contains("-> correct or remove the halcyon.cpu.*"));
        Invocation json = Invocation.of("doctor", "--json");
        assertThat(json.exitCode()).isZero();
        assertThat(findings(json))
                .anyMatch(finding -> finding.get("topic").stringValue().equals("auto"));
    }

    private static JsonNode findings(Invocation doctor) {
        return JsonMapper.shared().readTree(doctor.out()).get("findings");
    }
}

package dev.halcyon.tck.verify;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.SafetensorsWriter;
import dev.halcyon.checkpoint.TensorShape;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.tck.conformance.OracleBackend;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// The verifier on a backend that is right by construction, and on cases and backends that are not.
class FixtureVerifierTest {
    @TempDir private Path folder;

    @Test
    void everyCaseOfTheKitPassesOrIsDeclinedByName() {
        FixtureSet bundled = FixtureSet.bundled();
        List<String> seen = new ArrayList<>();
        VerificationReport report;
        try (Device device = new OracleBackend().open(0, DeviceOptions.defaults())) {
            report = FixtureVerifier.verify(device, bundled, result -> seen.add(result.name()));
        }
        assertThat(report.results()).extracting(FixtureResult::name).isEqualTo(seen);
        assertThat(report.results())
                .filteredOn(result -> result.verdict() == Verdict.FAIL)
                .isEmpty();
        List<String> declined =
                Stream.concat(
                                bundled.unanswered().stream().map(Fixture::name),
                                bundled.fixtures().stream()
                                        .filter(Fixture::hasGradients)
                                        .map(fixture -> fixture.name() + "#grad"))
                        .toList();
        assertThat(report.results())
                .filteredOn(result -> result.verdict() == Verdict.DECLINED)
                .extracting(FixtureResult::name)
                .containsExactlyInAnyOrderElementsOf(declined);
        assertThat(report.summary())
                .isEqualTo(
                        (seen.size() - declined.size())
                                + " passed, 0 failed, "
                                + declined.size()
                                + " declined");
        assertThat(report.exitCode()).isEqualTo(2);
    }

    @Test
    void declinesWhatTheDeviceDeclines() {
        try (Device device =
                new OracleBackend().without(Rope.class).open(0, DeviceOptions.defaults())) {
            FixtureResult result = only(device, "c04_rope_plain64");
            assertThat(result.verdict()).isEqualTo(Verdict.DECLINED);
            assertThat(result.line()).contains("Rope").contains("NO_KERNEL");
        }
    }

    @Test
    void failsACaseWhoseExpectationIsNotMet() throws IOException {
        byte[] bytes = bundled("c01_rmsnorm");
        // The data of the last tensor end the file; a high byte of an F32 or F64 there is an
        // exponent.
        bytes[bytes.length - 1] ^= 0x10;
        Files.write(folder.resolve("changed.safetensors"), bytes);
        FixtureResult result = verify().results().getFirst();
        assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(result.name()).isEqualTo("changed");
    }

    @Test
    void givesABrokenFileALineOfItsOwn() throws IOException {
        byte[] bytes = bundled("f05_ns_row");
        Files.write(folder.resolve("cut.safetensors"), Arrays.copyOf(bytes, bytes.length / 2));
        Files.write(folder.resolve("empty.safetensors"), new byte[0]);
        Files.write(folder.resolve("whole.safetensors"), bytes);
        VerificationReport report = verify();
        assertThat(report.results())
                .filteredOn(result -> result.verdict() == Verdict.FAIL)
                .extracting(FixtureResult::name)
                .containsExactlyInAnyOrder("cut", "empty");
        assertThat(report.count(Verdict.PASS)).isEqualTo(1);
        assertThat(report.exitCode()).isEqualTo(1);
    }

    @Test
    void declinesAKindThatItDoesNotKnow() {
        write("later", "case", "telepathy");
        FixtureResult result = verify().results().getFirst();
        assertThat(result.verdict()).isEqualTo(Verdict.DECLINED);
        assertThat(result.line())
                .isEqualTo(
                        "DECLINED later - cases of the kind 'telepathy' are unknown to this kit");
    }

    @Test
    void failsACaseThatLacksWhatItsKindNeeds() {
        write("hollow", "case", "rmsnorm");
        FixtureResult result = verify().results().getFirst();
        assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(result.line()).startsWith("FAIL hollow - F32: ").contains("in.x");
    }

    private void write(String name, String key, String value) {
        SafetensorsWriter.to(folder.resolve(name + ".safetensors"))
                .metadata(key, value)
                .tensor("in.y", ElementType.F32, TensorShape.of(1), 1)
                .write();
    }

    private static byte[] bundled(String name) throws IOException {
        String resource = "/dev/halcyon/tck/fixtures/" + name + ".safetensors";
        try (InputStream in = Fixture.class.getResourceAsStream(resource)) {
            return Objects.requireNonNull(in, resource).readAllBytes();
        }
    }

    private VerificationReport verify() {
        try (Device device = new OracleBackend().open(0, DeviceOptions.defaults())) {
            return FixtureVerifier.verify(device, FixtureSet.in(folder), result -> {});
        }
    }

    private static FixtureResult only(Device device, String name) {
        return FixtureVerifier.verify(device, List.of(FixtureSet.bundled().named(name)))
                .results()
                .getFirst();
    }
}

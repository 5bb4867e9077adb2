package dev.halcyon.backend.ascend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.ascend.AscendProbe.RuntimeSearch;
import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

class AscendProbeTest {
    private static final Path DRIVER = Path.of("/usr/local/Ascend/driver/lib64/libascend_hal.so");
    private static final Path ROOT = Path.of("/opt/cann");
    private static final Path LIBRARY = ROOT.resolve("lib64/libascendcl.so");

    private static AscendProbe probe(
            String system,
            boolean disabled,
            boolean access,
            Set<Path> files,
            Function<Path, RuntimeSearch> runtime) {
        return new AscendProbe(
                system,
                "aarch64",
                disabled,
                access,
                Map.of("ASCEND_HOME_PATH", ROOT.toString()),
                files::contains,
                runtime);
    }

    private static RuntimeSearch devices(int code, int count) {
        return new RuntimeSearch(() -> new AclRuntime.Result<>(code, count), "");
    }

    private static void assertUnavailable(AscendProbe probe, Reason reason, String remedy) {
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertEquals(reason, found.reason(), found.describe());
        assertTrue(found.remedy().contains(remedy), found.describe());
    }

    @Test
    void saysThatItIsSwitchedOff() {
        assertUnavailable(
                probe("Linux", true, true, Set.of(), p -> devices(0, 1)),
                Reason.DISABLED,
                "-Dhalcyon.ascend=off");
    }

    @Test
    void saysThatThePlatformHasNoBackend() {
        assertUnavailable(
                probe("Mac OS X", false, true, Set.of(), p -> devices(0, 1)),
                Reason.UNSUPPORTED_PLATFORM,
                "use Linux");
    }

    @Test
    void namesTheFlagForNativeAccess() {
        assertUnavailable(
                probe("Linux", false, false, Set.of(), p -> devices(0, 1)),
                Reason.NATIVE_ACCESS_DENIED,
                "--enable-native-access");
    }

    @Test
    void saysThatTheDriverIsMissing() {
        assertUnavailable(
                probe("Linux", false, true, Set.of(ROOT, LIBRARY), p -> devices(0, 1)),
                Reason.NO_DRIVER,
                "install the Ascend driver");
    }

    @Test
    void saysThatTheToolkitIsMissing() {
        assertUnavailable(
                probe("Linux", false, true, Set.of(DRIVER), p -> devices(0, 1)),
                Reason.LIBRARY_MISSING,
                "install the CANN toolkit");
    }

    @Test
    void saysThatTheToolkitIsIncomplete() {
        assertUnavailable(
                probe("Linux", false, true, Set.of(DRIVER, ROOT), p -> devices(0, 1)),
                Reason.LIBRARY_MISSING,
                "incomplete");
    }

    @Test
    void keepsTheLoadersOwnWords() {
        AscendProbe probe =
                probe(
                        "Linux",
                        false,
                        true,
                        Set.of(DRIVER, ROOT, LIBRARY),
                        p -> new RuntimeSearch(null, "libfoo.so: cannot open shared object file"));
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertTrue(found.detail().contains("libfoo.so"), found.describe());
        assertTrue(found.remedy().contains("set_env.sh"), found.describe());
    }

    @Test
    void saysThatThereIsNoDevice() {
        Set<Path> installed = Set.of(DRIVER, ROOT, LIBRARY);
        assertUnavailable(
                probe("Linux", false, true, installed, p -> devices(0, 0)),
                Reason.NO_DEVICE,
                "npu-smi");
        assertUnavailable(
                probe("Linux", false, true, installed, p -> devices(507033, 0)),
                Reason.NO_DEVICE,
                "npu-smi");
    }

    @Test
    void admitsThatThereAreNoKernels() {
        assertUnavailable(
                probe("Linux", false, true, Set.of(DRIVER, ROOT, LIBRARY), p -> devices(0, 8)),
                Reason.LIBRARY_MISSING,
                "CPU backend");
    }

    @Test
    void survivesARuntimeThatThrows() {
        assertUnavailable(
                probe(
                        "Linux",
                        false,
                        true,
                        Set.of(DRIVER, ROOT, LIBRARY),
                        p -> {
                            throw new IllegalStateException("no symbol");
                        }),
                Reason.PROBE_FAILED,
                "set_env.sh");
    }

    @Test
    void looksAtThisMachineInSilence() {
        assertInstanceOf(Availability.Unavailable.class, new AscendBackendProvider().probe());
    }
}

package dev.halcyon.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cuda.CudaProbe.Found;
import dev.halcyon.backend.cuda.CudaSettings.Mode;
import dev.halcyon.backend.cuda.driver.DeviceAttribute;
import dev.halcyon.backend.cuda.driver.DriverQuery;
import dev.halcyon.backend.cuda.driver.FfmDriverQuery;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;
import dev.halcyon.hal.DeviceDescription;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

class CudaProbeTest {
    private record ScriptedDriver(int init, int version, int count, int major)
            implements DriverQuery {
        @Override
        public Result<Integer> driverVersion() {
            return new Result<>(0, version);
        }

        @Override
        public Result<Integer> deviceCount() {
            return new Result<>(0, count);
        }

        @Override
        public Result<String> deviceName(int ordinal) {
            return new Result<>(0, "Scripted GPU");
        }

        @Override
        public Result<Integer> attribute(DeviceAttribute attribute, int ordinal) {
            return new Result<>(0, attribute == DeviceAttribute.COMPUTE_MAJOR ? major : 0);
        }

        @Override
        public boolean isEmulated() {
            return false;
        }
    }

    private static Supplier<Found> driver(int init, int version, int count) {
        return () -> Found.driver(new ScriptedDriver(init, version, count, 9));
    }

    private static CudaProbe linux(Supplier<Found> driver) {
        return new CudaProbe("Linux", "amd64", Mode.ON, true, driver);
    }

    private static void assertUnavailable(CudaProbe probe, Reason reason, String remedy) {
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertEquals(reason, found.reason(), found.describe());
        assertTrue(found.remedy().contains(remedy), found.describe());
    }

    @Test
    void saysThatItIsSwitchedOff() {
        assertUnavailable(
                new CudaProbe("Linux", "amd64", Mode.OFF, true, driver(0, 13_000, 1)),
                Reason.DISABLED,
                "-Dhalcyon.cuda=off");
    }

    @Test
    void saysThatThePlatformHasNoBackend() {
        assertUnavailable(
                new CudaProbe("Linux", "riscv64", Mode.ON, true, driver(0, 13_000, 1)),
                Reason.UNSUPPORTED_PLATFORM,
                "x86-64");
    }

    @Test
    void namesTheFlagForNativeAccess() {
        assertUnavailable(
                new CudaProbe("Linux", "amd64", Mode.ON, false, driver(0, 13_000, 1)),
                Reason.NATIVE_ACCESS_DENIED,
                "--enable-native-access");
    }

    @Test
    void keepsTheLoadersOwnWordsWhereThereIsNoDriver() {
        CudaProbe probe =
                linux(
                        () ->
                                new Found(
                                        null,
                                        "libcuda.so.1: cannot open shared object file",
                                        false,
                                        false));
        assertUnavailable(probe, Reason.NO_DRIVER, "install the NVIDIA driver");
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertTrue(found.detail().contains("cannot open shared object file"), found.describe());
    }

    @Test
    void tellsAStubFromADriver() {
        assertUnavailable(linux(driver(34, 0, 0)), Reason.NO_DRIVER, "stubs folder");
    }

    @Test
    void saysThatThereIsNoDevice() {
        assertUnavailable(linux(driver(100, 13_000, 0)), Reason.NO_DEVICE, "nvidia-smi");
        assertUnavailable(linux(driver(0, 13_000, 0)), Reason.NO_DEVICE, "CUDA_VISIBLE_DEVICES");
    }

    @Test
    void saysThatDriverAndKernelModuleDiffer() {
        assertUnavailable(linux(driver(803, 13_000, 1)), Reason.VERSION_MISMATCH, "reboot");
    }

    @Test
    void saysThatTheDriverIsTooOld() {
        assertUnavailable(linux(driver(0, 11_080, 1)), Reason.DRIVER_TOO_OLD, "525");
    }

    @Test
    void saysThatTheDeviceIsTooOld() {
        assertUnavailable(
                linux(() -> Found.driver(new ScriptedDriver(0, 13_000, 1, 7))),
                Reason.NO_DEVICE,
                "Ampere");
    }

    @Test
    void tellsADriverWithoutItsLibraryFromNoDriver() {
        String absent = "libcuda.so.1: cannot open shared object file: No such file or directory";
        assertUnavailable(
                linux(() -> new Found(null, absent, false, true)),
                Reason.LIBRARY_MISSING,
                "LD_LIBRARY_PATH");
    }

    @Test
    void leavesItsDevicesToThoseWhoNameThem() {
        for (Mode mode : List.of(Mode.UNDECIDED, Mode.ON)) {
            CudaProbe probe = new CudaProbe("Linux", "amd64", mode, true, driver(0, 13_000, 2));
            Availability.Available found =
                    assertInstanceOf(Availability.Available.class, probe.run());
            assertEquals(2, found.devices().size());
            for (DeviceDescription device : found.devices()) {
                assertEquals(mode == Mode.UNDECIDED, device.reservation().isPresent());
            }
            assertTrue(found.notes().getLast().contains("docs/cuda.md"), found.notes().toString());
        }
    }

    @Test
    void survivesADriverThatThrows() {
        assertUnavailable(
                linux(
                        () -> {
                            throw new IllegalStateException("no symbol");
                        }),
                Reason.PROBE_FAILED,
                "NVIDIA driver");
    }

    @Test
    void findsOutWhatTheLibraryAnswers() {
        StubLibrary stub = StubLibrary.orSkip();
        CudaProbe probe = linux(() -> Found.driver(new FfmDriverQuery(stub.library())));
        Availability.Available found = assertInstanceOf(Availability.Available.class, probe.run());
        assertEquals("cuda:0 (emulated)", found.devices().getFirst().title());
        stub.set("init", 100);
        assertUnavailable(probe, Reason.NO_DEVICE, "nvidia-smi");
        stub.set("init", 34);
        assertUnavailable(probe, Reason.NO_DRIVER, "stubs folder");
        stub.set("init", 803);
        assertUnavailable(probe, Reason.VERSION_MISMATCH, "reboot");
        stub.set("init", 804);
        assertUnavailable(probe, Reason.VERSION_MISMATCH, "cuda-compat");
        stub.set("init", 802);
        assertUnavailable(probe, Reason.NO_DEVICE, "fabricmanager");
        stub.set("init", 999);
        assertUnavailable(probe, Reason.PROBE_FAILED, "nvidia_uvm");
        stub.set("init", 998);
        assertUnavailable(probe, Reason.PROBE_FAILED, "manual");
        stub.set("init", 0);
        stub.set("version", 11_080);
        assertUnavailable(probe, Reason.DRIVER_TOO_OLD, "525");
        stub.set("version", 12_000);
        stub.set("devices", 0);
        assertUnavailable(probe, Reason.NO_DEVICE, "CUDA_VISIBLE_DEVICES");
        stub.set("devices", 1);
        stub.set("major", 7);
        assertUnavailable(probe, Reason.NO_DEVICE, "Ampere");
    }

    private static CudaProbe probeOf(Path library) {
        return CudaProbe.ofThisMachine(
                new CudaSettings(Mode.ON, library.toString(), CudaSettings.Bindings.AUTO, "off"));
    }

    private static void assertDetail(CudaProbe probe, String words) {
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertTrue(found.detail().contains(words), found.describe());
    }

    @Test
    void saysWhatTheLoaderSaidOfALibraryThatIsNone(@TempDir Path folder) throws IOException {
        Path broken = Files.writeString(folder.resolve("libcuda.so.1"), "not a library");
        assertUnavailable(probeOf(broken), Reason.LIBRARY_MISSING, "ldd");
        assertDetail(probeOf(broken), broken.toString());
    }

    @Test
    void namesTheLibraryThatTheDriversLibraryLacks() {
        Path incomplete = StubLibrary.variantOrSkip("incomplete");
        assertUnavailable(probeOf(incomplete), Reason.LIBRARY_MISSING, "one version");
        assertDetail(probeOf(incomplete), "libhalcyon_absent.so");
    }

    @Test
    void namesTheFunctionThatALibraryLacks() {
        Path empty = StubLibrary.variantOrSkip("empty");
        assertUnavailable(probeOf(empty), Reason.PROBE_FAILED, "NVIDIA driver");
        assertDetail(probeOf(empty), "has no function cuInit");
    }

    @Test
    void saysThatTheNamedLibraryIsNotThere(@TempDir Path folder) {
        Path absent = folder.resolve("libcuda.so.1");
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probeOf(absent).run());
        assertTrue(found.detail().contains(absent.toString()), found.describe());
        assertTrue(found.remedy().contains("-Dhalcyon.cuda.library="), found.describe());
    }

    @Test
    void looksAtThisMachineInSilence() {
        assertInstanceOf(Availability.Unavailable.class, new CudaBackendProvider().probe());
    }
}

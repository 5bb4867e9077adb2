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
        return () -> new Found(new ScriptedDriver(init, version, count, 9), List.of());
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
                                        List.of("libcuda.so.1: cannot open shared object file")));
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
                linux(() -> new Found(new ScriptedDriver(0, 13_000, 1, 7), List.of())),
                Reason.NO_DEVICE,
                "Ampere");
    }

    @Test
    void offersNothingUntilSomebodySaysSo() {
        CudaProbe probe =
                new CudaProbe("Linux", "amd64", Mode.UNDECIDED, true, driver(0, 13_000, 2));
        assertUnavailable(probe, Reason.DISABLED, "-Dhalcyon.cuda=on");
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertTrue(found.detail().contains("cuda:1 Scripted GPU"), found.describe());
    }

    @Test
    void admitsThatNothingHasRunOnAGpu() {
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, linux(driver(0, 13_000, 2)).run());
        assertEquals(2, found.devices().size());
        assertTrue(found.notes().getLast().contains("docs/cuda.md"), found.notes().toString());
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
        CudaProbe probe = linux(() -> new Found(new FfmDriverQuery(stub.library()), List.of()));
        Availability.Available found = assertInstanceOf(Availability.Available.class, probe.run());
        assertEquals("cuda:0 (emulated)", found.devices().getFirst().title());
        stub.set("init", 100);
        assertUnavailable(probe, Reason.NO_DEVICE, "nvidia-smi");
        stub.set("init", 34);
        assertUnavailable(probe, Reason.NO_DRIVER, "stubs folder");
        stub.set("init", 803);
        assertUnavailable(probe, Reason.VERSION_MISMATCH, "reboot");
        stub.set("init", 999);
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

    @Test
    void saysWhatTheLoaderSaidOfALibraryThatIsNone(@TempDir Path folder) throws IOException {
        Path broken = Files.writeString(folder.resolve("libcuda.so.1"), "not a library");
        CudaSettings settings =
                new CudaSettings(Mode.ON, broken.toString(), CudaSettings.Bindings.AUTO);
        CudaProbe probe = CudaProbe.ofThisMachine(settings);
        assertUnavailable(probe, Reason.NO_DRIVER, "-Dhalcyon.cuda.library=");
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertTrue(found.detail().contains(broken.toString()), found.describe());
    }

    @Test
    void looksAtThisMachineInSilence() {
        assertInstanceOf(Availability.Unavailable.class, new CudaBackendProvider().probe());
    }
}

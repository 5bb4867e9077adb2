package dev.halcyon.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cuda.CudaProbe.DriverSearch;
import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.function.Supplier;

class CudaProbeTest {
    private record ScriptedDriver(int init, int version, int count) implements CudaDriver {
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
    }

    private static Supplier<DriverSearch> driver(int init, int version, int count) {
        return () -> new DriverSearch(List.of(new ScriptedDriver(init, version, count)), List.of());
    }

    private static CudaProbe linux(Supplier<DriverSearch> driver) {
        return new CudaProbe("Linux", "amd64", false, true, driver);
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
                new CudaProbe("Linux", "amd64", true, true, driver(0, 13_000, 1)),
                Reason.DISABLED,
                "-Dhalcyon.cuda=off");
    }

    @Test
    void saysThatThePlatformHasNoBackend() {
        assertUnavailable(
                new CudaProbe("Linux", "riscv64", false, true, driver(0, 13_000, 1)),
                Reason.UNSUPPORTED_PLATFORM,
                "x86-64");
    }

    @Test
    void namesTheFlagForNativeAccess() {
        assertUnavailable(
                new CudaProbe("Linux", "amd64", false, false, driver(0, 13_000, 1)),
                Reason.NATIVE_ACCESS_DENIED,
                "--enable-native-access");
    }

    @Test
    void keepsTheLoadersOwnWordsWhereThereIsNoDriver() {
        CudaProbe probe =
                linux(
                        () ->
                                new DriverSearch(
                                        List.of(),
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
    void admitsThatThereAreNoKernels() {
        CudaProbe probe = linux(driver(0, 13_000, 2));
        assertUnavailable(probe, Reason.LIBRARY_MISSING, "CPU backend");
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, probe.run());
        assertTrue(found.detail().contains("cuda:1 Scripted GPU"), found.describe());
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
    void looksAtThisMachineInSilence() {
        assertInstanceOf(Availability.Unavailable.class, new CudaBackendProvider().probe());
    }
}

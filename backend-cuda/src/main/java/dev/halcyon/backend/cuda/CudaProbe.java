package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverLibrary;
import dev.halcyon.backend.cuda.driver.DynamicLibrary;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/// Looks for a usable CUDA device and says what is in the way.
///
/// @param system operating system, as `os.name` names it
/// @param architecture processor, as `os.arch` names it
/// @param disabled whether `-Dhalcyon.cuda=off`
/// @param nativeAccess whether this module may call native code
/// @param driver opens the driver library, or says why it cannot
record CudaProbe(
        String system,
        String architecture,
        boolean disabled,
        boolean nativeAccess,
        Supplier<DriverSearch> driver) {
    /// CUDA 12.0, whose driver (525) is the oldest that the natives of JCuda 12.6 load with.
    private static final int OLDEST_CUDA = 12_000;

    private static final int NO_DEVICE = 100;
    private static final int STUB_LIBRARY = 34;
    private static final int SYSTEM_DRIVER_MISMATCH = 803;
    private static final List<String> NAMES =
            List.of(
                    "libcuda.so.1",
                    "/usr/local/nvidia/lib64/libcuda.so.1",
                    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
                    "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
                    "/usr/lib/wsl/lib/libcuda.so.1");

    /// What came of looking for the driver library.
    ///
    /// @param found the driver, empty list if there is none
    /// @param messages what the loader said about each name tried
    record DriverSearch(List<CudaDriver> found, List<String> messages) {}

    static CudaProbe ofThisMachine() {
        return new CudaProbe(
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                "off".equals(System.getProperty("halcyon.cuda")),
                CudaProbe.class.getModule().isNativeAccessEnabled(),
                CudaProbe::search);
    }

    private static DriverSearch search() {
        String named = System.getProperty("halcyon.cuda.library");
        List<String> messages = new ArrayList<>();
        for (String name : named == null ? NAMES : List.of(named)) {
            DynamicLibrary.Opened opened = DynamicLibrary.open(name);
            if (opened.library().isPresent()) {
                return new DriverSearch(
                        List.of(new CudaDriverLibrary(opened.library().get())), messages);
            }
            messages.add(opened.message());
        }
        return new DriverSearch(List.of(), messages);
    }

    Availability run() {
        try {
            return look();
        } catch (RuntimeException | LinkageError failure) {
            return unavailable(
                    Reason.PROBE_FAILED,
                    "looking for the driver failed: " + failure,
                    "check that libcuda.so.1 belongs to an installed NVIDIA driver",
                    failure);
        }
    }

    private Availability look() {
        if (disabled) {
            return unavailable(Reason.DISABLED, "switched off", "remove -Dhalcyon.cuda=off");
        }
        if (!system.toLowerCase(Locale.ROOT).startsWith("linux")
                || !(architecture.equals("amd64") || architecture.equals("aarch64"))) {
            return unavailable(
                    Reason.UNSUPPORTED_PLATFORM,
                    "there is no CUDA backend for " + system + " on " + architecture,
                    "use Linux on x86-64 or 64-bit ARM, or the CPU backend");
        }
        if (!nativeAccess) {
            return unavailable(
                    Reason.NATIVE_ACCESS_DENIED,
                    "this JVM does not allow the backend to call native code",
                    "add --enable-native-access=ALL-UNNAMED (class path) or"
                            + " --enable-native-access=dev.halcyon.backend.cuda (module path)");
        }
        DriverSearch search = driver.get();
        if (search.found().isEmpty()) {
            return unavailable(
                    Reason.NO_DRIVER,
                    "no NVIDIA driver: "
                            + (search.messages().isEmpty()
                                    ? "no library tried"
                                    : search.messages().getFirst()),
                    "install the NVIDIA driver; in a container, start it with GPU support so that"
                            + " libcuda.so.1 is mounted; or name the library with"
                            + " -Dhalcyon.cuda.library=");
        }
        return ask(search.found().getFirst());
    }

    private static Availability ask(CudaDriver driver) {
        int init = driver.init();
        if (init == NO_DEVICE) {
            return unavailable(
                    Reason.NO_DEVICE,
                    "the driver reports no device (100 CUDA_ERROR_NO_DEVICE)",
                    "check nvidia-smi and CUDA_VISIBLE_DEVICES");
        }
        if (init == STUB_LIBRARY) {
            return unavailable(
                    Reason.NO_DRIVER,
                    "the library found is the toolkit's stub, not a driver (34"
                            + " CUDA_ERROR_STUB_LIBRARY)",
                    "take the toolkit's stubs folder out of LD_LIBRARY_PATH");
        }
        if (init == SYSTEM_DRIVER_MISMATCH) {
            return unavailable(
                    Reason.VERSION_MISMATCH,
                    "driver library and kernel module differ in version (803"
                            + " CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)",
                    "reboot, or reload the nvidia kernel module, after updating the driver");
        }
        if (init != 0) {
            return unavailable(
                    Reason.PROBE_FAILED,
                    "cuInit returned " + init,
                    "look the code up in the CUDA driver API manual");
        }
        CudaDriver.Result<Integer> version = driver.driverVersion();
        if (version.code() == 0 && version.value() < OLDEST_CUDA) {
            return unavailable(
                    Reason.DRIVER_TOO_OLD,
                    "the driver supports CUDA "
                            + version.value() / 1000
                            + "."
                            + version.value() % 1000 / 10,
                    "update the NVIDIA driver to 525 or later (CUDA 12.0)");
        }
        CudaDriver.Result<Integer> count = driver.deviceCount();
        if (count.code() != 0 || count.value() == 0) {
            return unavailable(
                    Reason.NO_DEVICE,
                    "the driver reports no device",
                    "check nvidia-smi and CUDA_VISIBLE_DEVICES");
        }
        List<String> names = new ArrayList<>();
        for (int ordinal = 0; ordinal < count.value(); ordinal++) {
            names.add("cuda:" + ordinal + " " + driver.deviceName(ordinal).value());
        }
        return unavailable(
                Reason.LIBRARY_MISSING,
                "found "
                        + String.join(", ", names)
                        + ", but this version of Halcyon has no CUDA kernels",
                "use the CPU backend, or a later version of backend-cuda");
    }

    private static Availability unavailable(Reason reason, String detail, String remedy) {
        return new Availability.Unavailable(reason, detail, remedy, null);
    }

    private static Availability unavailable(
            Reason reason, String detail, String remedy, Throwable cause) {
        return new Availability.Unavailable(reason, detail, remedy, cause);
    }
}

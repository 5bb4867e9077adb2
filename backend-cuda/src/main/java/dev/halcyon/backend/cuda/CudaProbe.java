package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.CudaSettings.Mode;
import dev.halcyon.backend.cuda.driver.CudaResult;
import dev.halcyon.backend.cuda.driver.DeviceAttribute;
import dev.halcyon.backend.cuda.driver.DriverQuery;
import dev.halcyon.backend.cuda.driver.DriverQuery.Result;
import dev.halcyon.backend.cuda.driver.FfmDriverQuery;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;
import dev.halcyon.hal.DeviceDescription;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/// Looks for usable CUDA devices and says what is in the way.
///
/// @param system operating system, as `os.name` names it
/// @param architecture processor, as `os.arch` names it
/// @param mode whether devices are offered
/// @param nativeAccess whether this module may call native code
/// @param driver opens the driver library, or says why it cannot
record CudaProbe(
        String system,
        String architecture,
        Mode mode,
        boolean nativeAccess,
        Supplier<Found> driver) {
    /// CUDA 12.0, whose driver (525) is the oldest that the natives of JCuda 12.6 load with.
    private static final int OLDEST_CUDA = 12_000;

    /// Ampere: asynchronous copies, BF16 and the matrix instructions that the kernels use.
    private static final int OLDEST_COMPUTE_MAJOR = 8;

    /// What opening the driver library came to.
    ///
    /// @param driver the driver; null if there is none
    /// @param messages what the loader said about each name tried
    record Found(@Nullable DriverQuery driver, List<String> messages) {}

    static CudaProbe ofThisMachine(CudaSettings settings) {
        return new CudaProbe(
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                settings.mode(),
                CudaProbe.class.getModule().isNativeAccessEnabled(),
                () -> open(settings));
    }

    private static Found open(CudaSettings settings) {
        DriverSearch search = DriverSearch.find(settings.library());
        return new Found(
                search.library() == null ? null : new FfmDriverQuery(search.library()),
                search.messages());
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
        if (mode == Mode.OFF) {
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
        Found found = driver.get();
        if (found.driver() == null) {
            return unavailable(
                    Reason.NO_DRIVER,
                    "no NVIDIA driver: "
                            + (found.messages().isEmpty()
                                    ? "no library tried"
                                    : found.messages().getFirst()),
                    "install the NVIDIA driver; in a container, start it with GPU support so that"
                            + " libcuda.so.1 is mounted; or name the library with"
                            + " -Dhalcyon.cuda.library=");
        }
        return ask(found.driver());
    }

    private Availability ask(DriverQuery driver) {
        int init = driver.init();
        if (init != 0) {
            return failedInit(init);
        }
        Result<Integer> version = driver.driverVersion();
        if (version.code() == 0 && version.value() < OLDEST_CUDA) {
            return unavailable(
                    Reason.DRIVER_TOO_OLD,
                    "the driver supports CUDA " + version(version.value()),
                    "update the NVIDIA driver to 525 or later (CUDA 12.0)");
        }
        Result<Integer> count = driver.deviceCount();
        if (count.code() != 0 || count.value() == 0) {
            return unavailable(
                    Reason.NO_DEVICE,
                    "the driver reports no device",
                    "check nvidia-smi and CUDA_VISIBLE_DEVICES");
        }
        List<DeviceDescription> usable = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (int ordinal = 0; ordinal < count.value(); ordinal++) {
            int major = driver.attribute(DeviceAttribute.COMPUTE_MAJOR, ordinal).value();
            int minor = driver.attribute(DeviceAttribute.COMPUTE_MINOR, ordinal).value();
            String name = driver.deviceName(ordinal).value();
            if (major < OLDEST_COMPUTE_MAJOR) {
                notes.add(
                        "cuda:"
                                + ordinal
                                + " "
                                + name
                                + " has compute capability "
                                + major
                                + "."
                                + minor
                                + ", the kernels need "
                                + OLDEST_COMPUTE_MAJOR
                                + ".0");
                continue;
            }
            Map<String, String> properties = new LinkedHashMap<>();
            properties.put("compute", major + "." + minor);
            properties.put("cuda", version(version.value()));
            usable.add(
                    new DeviceDescription("cuda", ordinal, name, driver.isEmulated(), properties));
        }
        return offer(usable, notes);
    }

    private static Availability failedInit(int init) {
        return switch (CudaResult.of(init)) {
            case NO_DEVICE ->
                    unavailable(
                            Reason.NO_DEVICE,
                            "the driver reports no device (" + CudaResult.describe(init) + ")",
                            "check nvidia-smi and CUDA_VISIBLE_DEVICES");
            case STUB_LIBRARY ->
                    unavailable(
                            Reason.NO_DRIVER,
                            "the library found is the toolkit's stub, not a driver ("
                                    + CudaResult.describe(init)
                                    + ")",
                            "take the toolkit's stubs folder out of LD_LIBRARY_PATH");
            case SYSTEM_DRIVER_MISMATCH ->
                    unavailable(
                            Reason.VERSION_MISMATCH,
                            "driver library and kernel module differ in version ("
                                    + CudaResult.describe(init)
                                    + ")",
                            "reboot, or reload the nvidia kernel module, after updating the"
                                    + " driver");
            default ->
                    unavailable(
                            Reason.PROBE_FAILED,
                            "cuInit returned " + CudaResult.describe(init),
                            "look the code up in the CUDA driver API manual");
        };
    }

    private Availability offer(List<DeviceDescription> usable, List<String> notes) {
        if (usable.isEmpty()) {
            return unavailable(
                    Reason.NO_DEVICE,
                    String.join("; ", notes),
                    "use a GPU of the Ampere generation or later, or the CPU backend");
        }
        if (mode == Mode.UNDECIDED) {
            List<String> names =
                    usable.stream().map(device -> device.title() + " " + device.name()).toList();
            return unavailable(
                    Reason.DISABLED,
                    "found "
                            + String.join(", ", names)
                            + ", but the kernels of this version have not been tested on a GPU and"
                            + " are not complete",
                    "add -Dhalcyon.cuda=on to try them, or use the CPU backend");
        }
        notes.add("no kernel of this version has been tested on a GPU; see docs/cuda.md");
        return new Availability.Available(usable, notes);
    }

    private static String version(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }

    private static Availability.Unavailable unavailable(
            Reason reason, String detail, String remedy) {
        return new Availability.Unavailable(reason, detail, remedy, null);
    }

    private static Availability.Unavailable unavailable(
            Reason reason, String detail, String remedy, Throwable cause) {
        return new Availability.Unavailable(reason, detail, remedy, cause);
    }
}

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

import java.nio.file.Files;
import java.nio.file.Path;
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
/// @param mode to whom devices are offered
/// @param nativeAccess whether this module may call native code
/// @param driver opens the driver library, or says why it cannot
record CudaProbe(
        String system,
        String architecture,
        Mode mode,
        boolean nativeAccess,
        Supplier<Found> driver) {
    static final String UNTESTED = "no kernel of this version has been tested on a GPU";

    /// CUDA 12.0, whose driver (525) is the oldest that the natives of JCuda 12.6 load with.
    private static final int OLDEST_CUDA = 12_000;

    /// Ampere: asynchronous copies, BF16 and the matrix instructions that the kernels use.
    private static final int OLDEST_COMPUTE_MAJOR = 8;

    /// Present where the driver's kernel module is loaded: on Linux, in WSL.
    private static final List<Path> KERNEL_MODULE =
            List.of(Path.of("/proc/driver/nvidia/version"), Path.of("/dev/dxg"));

    /// What looking for the driver came to.
    ///
    /// @param driver the driver; null if there is none
    /// @param obstacle what the loader said if there is none
    /// @param isThere whether there is a library that cannot be opened
    /// @param hasKernelModule whether the kernel has a driver all the same
    record Found(
            @Nullable DriverQuery driver,
            String obstacle,
            boolean isThere,
            boolean hasKernelModule) {
        static Found driver(DriverQuery driver) {
            return new Found(driver, "", false, true);
        }
    }

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
                search.obstacle(),
                search.isThere(),
                KERNEL_MODULE.stream().anyMatch(Files::exists));
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
        return found.driver() == null ? withoutDriver(found) : ask(found.driver());
    }

    private static Availability withoutDriver(Found found) {
        if (found.isThere()) {
            return unavailable(
                    Reason.LIBRARY_MISSING,
                    "the driver library cannot be opened: " + found.obstacle(),
                    "install the NVIDIA driver again, all of one version and for this processor;"
                            + " ldd shows what a library lacks; or name another one with"
                            + " -Dhalcyon.cuda.library=");
        }
        if (found.hasKernelModule()) {
            return unavailable(
                    Reason.LIBRARY_MISSING,
                    "the kernel has an NVIDIA driver, but its library is not found: "
                            + found.obstacle(),
                    "add the folder of libcuda.so.1 to LD_LIBRARY_PATH, or name the file with"
                            + " -Dhalcyon.cuda.library=; in a container, start it with GPU support"
                            + " so that the library is mounted");
        }
        return unavailable(
                Reason.NO_DRIVER,
                "no NVIDIA driver: " + found.obstacle(),
                "install the NVIDIA driver; in a container, start it with GPU support so that"
                        + " libcuda.so.1 is mounted; or name the library with"
                        + " -Dhalcyon.cuda.library=");
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
            if (mode == Mode.UNDECIDED) {
                properties.put(
                        DeviceDescription.RESERVATION,
                        UNTESTED + "; name the device to use it, or add -Dhalcyon.cuda=on");
            }
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
            case COMPAT_NOT_SUPPORTED_ON_DEVICE ->
                    unavailable(
                            Reason.VERSION_MISMATCH,
                            "the library found is one for forward compatibility, which this GPU"
                                    + " does not have ("
                                    + CudaResult.describe(init)
                                    + ")",
                            "take the folder of cuda-compat out of LD_LIBRARY_PATH, or update the"
                                    + " driver");
            case SYSTEM_NOT_READY ->
                    unavailable(
                            Reason.NO_DEVICE,
                            "the machine's NVLink fabric is not set up ("
                                    + CudaResult.describe(init)
                                    + ")",
                            "start nvidia-fabricmanager of the driver's version");
            case UNKNOWN ->
                    unavailable(
                            Reason.PROBE_FAILED,
                            "cuInit returned " + CudaResult.describe(init),
                            "check nvidia-smi and that the kernel module nvidia_uvm is loaded"
                                    + " (modprobe nvidia_uvm); a reboot helps after the machine"
                                    + " slept");
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
        notes.add(UNTESTED + "; see docs/cuda.md");
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

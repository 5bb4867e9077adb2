package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.AclRuntimeLibrary;
import dev.halcyon.backend.ascend.acl.DynamicLibrary;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;

import org.jspecify.annotations.Nullable;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Looks for a usable Ascend device and says what is in the way.
///
/// The order is that of the failures a user meets: platform, driver, toolkit, the toolkit's
/// environment, device.
///
/// @param system operating system, as `os.name` names it
/// @param architecture processor, as `os.arch` names it
/// @param disabled whether `-Dhalcyon.ascend=off`
/// @param nativeAccess whether this module may call native code
/// @param environment the environment variables
/// @param exists whether a file is there
/// @param runtime opens the runtime library, or says why it cannot
record AscendProbe(
        String system,
        String architecture,
        boolean disabled,
        boolean nativeAccess,
        Map<String, String> environment,
        Predicate<Path> exists,
        Function<Path, RuntimeSearch> runtime) {
    private static final Path DRIVER = Path.of("/usr/local/Ascend/driver/lib64");
    private static final String DRIVER_LIBRARY = "libascend_hal.so";
    private static final String RUNTIME_LIBRARY = "libascendcl.so";
    private static final List<Path> INSTALL_ROOTS =
            List.of(
                    Path.of("/usr/local/Ascend/ascend-toolkit/latest"),
                    Path.of("/usr/local/Ascend/cann"));
    private static final List<String> ROOT_VARIABLES =
            List.of("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME");
    private static final String SET_ENVIRONMENT =
            "source set_env.sh of the CANN installation before starting Java, and check"
                    + " LD_LIBRARY_PATH";

    /// What came of opening the runtime library.
    ///
    /// @param found the runtime, or null
    /// @param message what the loader said if there is none
    record RuntimeSearch(@Nullable AclRuntime found, String message) {}

    static AscendProbe ofThisMachine() {
        return new AscendProbe(
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                "off".equals(System.getProperty("halcyon.ascend")),
                AscendProbe.class.getModule().isNativeAccessEnabled(),
                System.getenv(),
                Files::exists,
                AscendProbe::open);
    }

    private static RuntimeSearch open(Path library) {
        DynamicLibrary.Opened opened = DynamicLibrary.open(library.toString());
        return opened.library()
                .map(found -> new RuntimeSearch(new AclRuntimeLibrary(found), ""))
                .orElseGet(() -> new RuntimeSearch(null, opened.message()));
    }

    Availability run() {
        try {
            return look();
        } catch (RuntimeException | LinkageError failure) {
            return unavailable(
                    Reason.PROBE_FAILED,
                    "looking for CANN failed: " + failure,
                    SET_ENVIRONMENT,
                    failure);
        }
    }

    private Availability look() {
        if (disabled) {
            return unavailable(Reason.DISABLED, "switched off", "remove -Dhalcyon.ascend=off");
        }
        if (!system.toLowerCase(Locale.ROOT).startsWith("linux")
                || !(architecture.equals("amd64") || architecture.equals("aarch64"))) {
            return unavailable(
                    Reason.UNSUPPORTED_PLATFORM,
                    "there is no Ascend backend for " + system + " on " + architecture,
                    "use Linux on x86-64 or 64-bit ARM, or the CPU backend");
        }
        if (!nativeAccess) {
            return unavailable(
                    Reason.NATIVE_ACCESS_DENIED,
                    "this JVM does not allow the backend to call native code",
                    "add --enable-native-access=ALL-UNNAMED (class path) or"
                            + " --enable-native-access=dev.halcyon.backend.ascend (module path)");
        }
        Optional<Path> root = installRoot();
        if (!hasDriver()) {
            return unavailable(
                    Reason.NO_DRIVER,
                    "no Ascend driver: "
                            + DRIVER_LIBRARY
                            + " is not under "
                            + DRIVER
                            + root.map(found -> " (CANN is at " + found + ")").orElse(""),
                    "install the Ascend driver and firmware; in a container, mount "
                            + DRIVER.getParent());
        }
        if (root.isEmpty()) {
            return unavailable(
                    Reason.LIBRARY_MISSING,
                    "no CANN toolkit: neither "
                            + String.join(" nor ", ROOT_VARIABLES)
                            + " names one, and none is at "
                            + INSTALL_ROOTS,
                    "install the CANN toolkit, and " + SET_ENVIRONMENT);
        }
        return ask(root.get());
    }

    private boolean hasDriver() {
        return Stream.of("", "common", "driver")
                .map(folder -> DRIVER.resolve(folder).resolve(DRIVER_LIBRARY))
                .anyMatch(exists);
    }

    private Optional<Path> installRoot() {
        Stream<Path> named =
                ROOT_VARIABLES.stream()
                        .map(environment::get)
                        .filter(value -> value != null && !value.isBlank())
                        .map(Path::of);
        return Stream.concat(named, INSTALL_ROOTS.stream()).filter(exists).findFirst();
    }

    private Availability ask(Path root) {
        Path library = root.resolve("lib64").resolve(RUNTIME_LIBRARY);
        if (!exists.test(library)) {
            return unavailable(
                    Reason.LIBRARY_MISSING,
                    library + " is missing",
                    "the CANN installation at "
                            + root
                            + " is incomplete; install the toolkit package");
        }
        RuntimeSearch search = runtime.apply(library);
        if (search.found() == null) {
            return unavailable(
                    Reason.LIBRARY_MISSING,
                    "the loader says: " + search.message(),
                    SET_ENVIRONMENT);
        }
        AclRuntime.Result<Integer> count = search.found().deviceCount();
        if (count.code() != 0 || count.value() == 0) {
            return unavailable(
                    Reason.NO_DEVICE,
                    count.code() == 0
                            ? "the runtime reports no device"
                            : "aclrtGetDeviceCount returned " + count.code(),
                    "check npu-smi info and ASCEND_RT_VISIBLE_DEVICES");
        }
        return unavailable(
                Reason.LIBRARY_MISSING,
                "found "
                        + count.value()
                        + " Ascend device(s), but this version of Halcyon has no Ascend kernels",
                "use the CPU backend, or a later version of backend-ascend");
    }

    private static Availability unavailable(Reason reason, String detail, String remedy) {
        return new Availability.Unavailable(reason, detail, remedy, null);
    }

    private static Availability unavailable(
            Reason reason, String detail, String remedy, Throwable cause) {
        return new Availability.Unavailable(reason, detail, remedy, cause);
    }
}

package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.DynamicLibrary;
import dev.halcyon.backend.ascend.acl.ReturnCode;
import dev.halcyon.backend.ascend.acl.Symbols;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;
import dev.halcyon.hal.DeviceDescription;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Looks for a usable Ascend device and says what is in the way.
///
/// The order is that of the failures a user meets: platform, toolkit, driver, the toolkit's
/// environment, device.
///
/// @param system operating system, as `os.name` names it
/// @param architecture processor, as `os.arch` names it
/// @param settings what the system properties ask for
/// @param nativeAccess whether this module may call native code
/// @param environment the environment variables
/// @param exists whether a file is there
/// @param runtime opens the runtime library and asks it, or says why it cannot
record AscendProbe(
        String system,
        String architecture,
        AscendSettings settings,
        boolean nativeAccess,
        Map<String, String> environment,
        Predicate<Path> exists,
        Function<Path, Answer> runtime) {
    static final String UNTESTED = "nothing of this version has been tested on an NPU";

    /// The remedy for everything that comes of an environment that was not prepared.
    static final String SET_ENVIRONMENT =
            "source set_env.sh of the CANN installation before starting Java, and check"
                    + " LD_LIBRARY_PATH";

    /// The remedy for who has no NPU at all.
    private static final String TRY_EMULATOR =
            "; without an NPU, ./halcyon verify --device ascend:0 builds and uses an emulator";

    private static final Set<String> PROFILES = Set.of("head", "8.1");
    private static final String DRIVER_LIBRARY = "libascend_hal.so";
    private static final String OPERATOR_VARIABLE = "ASCEND_OPP_PATH";
    private static final List<Path> INSTALL_ROOTS =
            List.of(
                    Path.of("/usr/local/Ascend/ascend-toolkit/latest"),
                    Path.of("/usr/local/Ascend/cann"));
    private static final List<String> ROOT_VARIABLES =
            List.of("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME");

    /// What the runtime library said.
    sealed interface Answer {
        /// It cannot be opened.
        ///
        /// @param message the loader's own words
        record NotLoaded(String message) implements Answer {}

        /// It answered.
        ///
        /// @param code of the question how many devices there are
        /// @param devices how many
        /// @param soc the processor's name, empty if unknown
        /// @param version of the runtime's interface, empty if unknown
        /// @param emulated whether it is the emulator
        record Answered(ReturnCode code, int devices, String soc, String version, boolean emulated)
                implements Answer {}
    }

    /// What a successful probe knows.
    ///
    /// @param installation where CANN is
    /// @param answer what the runtime said
    record Finding(CannInstallation installation, Answer.Answered answer) {}

    private record Root(Path path, String source) {}

    /// Something is in the way.
    private static final class Obstacle extends Exception {
        private static final long serialVersionUID = 1;

        private final transient Availability.Unavailable unavailable;

        Obstacle(Reason reason, String detail, String remedy) {
            super(detail);
            this.unavailable = new Availability.Unavailable(reason, detail, remedy, null);
        }
    }

    static AscendProbe ofThisMachine(Map<String, String> properties) {
        return new AscendProbe(
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                AscendSettings.of(properties),
                AscendProbe.class.getModule().isNativeAccessEnabled(),
                System.getenv(),
                Files::exists,
                AscendProbe::ask);
    }

    private static Answer ask(Path library) {
        DynamicLibrary.Opened opened = DynamicLibrary.open(library.toString());
        if (opened.library().isEmpty()) {
            return new Answer.NotLoaded(opened.message());
        }
        AclRuntime runtime = new AclRuntime(new Symbols(List.of(opened.library().get())));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            int code = runtime.init();
            if (code == ReturnCode.SUCCESS || code == ReturnCode.REPEAT_INITIALIZE) {
                code = runtime.getDeviceCount(count);
            }
            return new Answer.Answered(
                    new ReturnCode(code),
                    count.get(ValueLayout.JAVA_INT, 0),
                    runtime.socName(),
                    runtime.version(),
                    runtime.isEmulated());
        }
    }

    Availability run() {
        try {
            return available(look());
        } catch (Obstacle obstacle) {
            return obstacle.unavailable;
        } catch (RuntimeException | LinkageError failure) {
            return new Availability.Unavailable(
                    Reason.PROBE_FAILED,
                    "looking for CANN failed: " + failure,
                    SET_ENVIRONMENT,
                    failure);
        }
    }

    /// {@return what there is, for opening a device}
    @Nullable Finding finding() {
        try {
            return look();
        } catch (Obstacle obstacle) {
            return null;
        }
    }

    private Availability available(Finding finding) {
        Answer.Answered answer = finding.answer();
        String soc = answer.soc().isEmpty() ? "Ascend" : answer.soc();
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("soc", soc);
        properties.put("runtime", answer.version());
        properties.put("operators", finding.installation().layout());
        properties.put("cann", finding.installation().root().toString());
        if (!answer.emulated() && !settings.trusted()) {
            properties.put(
                    DeviceDescription.RESERVATION,
                    UNTESTED + "; name the device to use it, or add -Dhalcyon.ascend=on");
        }
        List<DeviceDescription> devices = new ArrayList<>();
        for (int i = 0; i < answer.devices(); i++) {
            devices.add(
                    new DeviceDescription(
                            "ascend",
                            i,
                            answer.emulated() ? soc + ", emulated on the processor" : soc,
                            answer.emulated(),
                            properties));
        }
        return new Availability.Available(
                devices,
                answer.emulated()
                        ? List.of("this is the emulator: results are real, times mean nothing")
                        : List.of(UNTESTED + "; see docs/ascend.md"));
    }

    private Finding look() throws Obstacle {
        if (settings.disabled()) {
            throw new Obstacle(Reason.DISABLED, "switched off", "remove -Dhalcyon.ascend=off");
        }
        if (!system.toLowerCase(Locale.ROOT).startsWith("linux")
                || !(architecture.equals("amd64") || architecture.equals("aarch64"))) {
            throw new Obstacle(
                    Reason.UNSUPPORTED_PLATFORM,
                    "there is no Ascend backend for " + system + " on " + architecture,
                    "use Linux on x86-64 or 64-bit ARM, or the CPU backend");
        }
        if (!nativeAccess) {
            throw new Obstacle(
                    Reason.NATIVE_ACCESS_DENIED,
                    "this JVM does not allow the backend to call native code",
                    "add --enable-native-access=ALL-UNNAMED (class path) or"
                            + " --enable-native-access=dev.halcyon.backend.ascend (module path)");
        }
        Root root = root();
        boolean emulator = root != null && CannInstallation.isEmulator(root.path(), exists);
        if (!emulator && !hasDriver()) {
            throw new Obstacle(
                    Reason.NO_DRIVER,
                    "no Ascend driver: "
                            + DRIVER_LIBRARY
                            + " is not under "
                            + settings.driver()
                            + (root == null ? "" : " (CANN is at " + root.path() + ")"),
                    "install the Ascend driver and firmware; in a container, mount "
                            + settings.driver().getParent()
                            + TRY_EMULATOR);
        }
        if (root == null) {
            throw new Obstacle(
                    Reason.LIBRARY_MISSING,
                    "no CANN toolkit: neither "
                            + String.join(" nor ", ROOT_VARIABLES)
                            + " names one, and none is at "
                            + INSTALL_ROOTS,
                    "install the CANN toolkit, and " + SET_ENVIRONMENT + TRY_EMULATOR);
        }
        return ask(installation(root), emulator);
    }

    private boolean hasDriver() {
        return Stream.of("", "common", "driver")
                .map(folder -> settings.driver().resolve(folder).resolve(DRIVER_LIBRARY))
                .anyMatch(exists);
    }

    /// A root that is named and not there is an error; a default one that is not there is none.
    private @Nullable Root root() throws Obstacle {
        Root named = named();
        if (named != null) {
            if (!exists.test(named.path())) {
                throw new Obstacle(
                        Reason.LIBRARY_MISSING,
                        named.source() + " names " + named.path() + ", which does not exist",
                        "correct it, and " + SET_ENVIRONMENT);
            }
            return named;
        }
        return INSTALL_ROOTS.stream()
                .filter(exists)
                .findFirst()
                .map(path -> new Root(path, "the default place"))
                .orElseGet(this::emulator);
    }

    /// Only what is asked for by name may be an emulation, so this comes last.
    private @Nullable Root emulator() {
        Path root = settings.emulatorRoot();
        return root != null && exists.test(root)
                ? new Root(root, "-Dhalcyon.ascend.emulator")
                : null;
    }

    private @Nullable Root named() throws Obstacle {
        Path home = settings.home();
        if (home != null) {
            return new Root(home, "-Dhalcyon.ascend.home");
        }
        if (settings.profile() != null) {
            return new Root(emulatorOf(settings.profile()), "-Dhalcyon.ascend.profile");
        }
        for (String variable : ROOT_VARIABLES) {
            String value = environment.get(variable);
            if (value != null && !value.isBlank()) {
                return new Root(Path.of(value), variable);
            }
        }
        return null;
    }

    private Path emulatorOf(String profile) throws Obstacle {
        if (!PROFILES.contains(profile)) {
            throw new Obstacle(
                    Reason.LIBRARY_MISSING,
                    "-Dhalcyon.ascend.profile=" + profile + " is no profile of the emulator",
                    "use head or 8.1");
        }
        Path root = settings.emulatorRoot();
        if (root == null) {
            throw new Obstacle(
                    Reason.LIBRARY_MISSING,
                    "-Dhalcyon.ascend.profile="
                            + profile
                            + " asks for an emulator that is not built",
                    "build it with native/ascend-emulator/build.sh DIR and add"
                            + " -Dhalcyon.ascend.emulator=DIR");
        }
        return root;
    }

    private CannInstallation installation(Root root) throws Obstacle {
        return switch (CannInstallation.search(root.path(), exists)) {
            case CannInstallation.Search.Found found -> found.installation();
            case CannInstallation.Search.Incomplete incomplete ->
                    throw new Obstacle(
                            Reason.LIBRARY_MISSING,
                            incomplete.missing() + " is missing",
                            "the CANN installation at "
                                    + root.path()
                                    + " is incomplete; install the toolkit and operator packages");
        };
    }

    private Finding ask(CannInstallation installation, boolean emulator) throws Obstacle {
        if (!emulator) {
            checkOperatorFolder();
        }
        return switch (runtime.apply(installation.runtime())) {
            case Answer.NotLoaded not ->
                    throw new Obstacle(
                            Reason.LIBRARY_MISSING,
                            "the loader says: " + not.message(),
                            SET_ENVIRONMENT);
            case Answer.Answered answer -> {
                if (answer.code().value() != ReturnCode.SUCCESS || answer.devices() == 0) {
                    throw new Obstacle(
                            Reason.NO_DEVICE,
                            answer.code().value() == ReturnCode.SUCCESS
                                    ? "the runtime reports no device"
                                    : "asking the runtime for devices returned " + answer.code(),
                            "check npu-smi info and ASCEND_RT_VISIBLE_DEVICES, and that you are in"
                                    + " the group of the driver's devices");
                }
                if (!emulator) {
                    checkKernels(answer.soc());
                }
                yield new Finding(installation, answer);
            }
        };
    }

    /// The operator library reads the variable itself, with `getenv`.
    private void checkOperatorFolder() throws Obstacle {
        String folder = environment.get(OPERATOR_VARIABLE);
        if (folder == null || folder.isBlank()) {
            throw new Obstacle(
                    Reason.LIBRARY_MISSING,
                    OPERATOR_VARIABLE + " is not set, so operators would not find their kernels",
                    SET_ENVIRONMENT);
        }
        if (!exists.test(Path.of(folder))) {
            throw new Obstacle(
                    Reason.LIBRARY_MISSING,
                    OPERATOR_VARIABLE + " names " + folder + ", which does not exist",
                    "correct it, and " + SET_ENVIRONMENT);
        }
    }

    private void checkKernels(String soc) throws Obstacle {
        Path kernels =
                Path.of(environment.getOrDefault(OPERATOR_VARIABLE, ""))
                        .resolve("built-in/op_impl/ai_core/tbe/kernel");
        if (!exists.test(kernels)) {
            throw new Obstacle(
                    Reason.VERSION_MISMATCH,
                    "no kernels are installed for "
                            + (soc.isEmpty() ? "this processor" : soc)
                            + ": "
                            + kernels
                            + " is missing",
                    "install the CANN kernels package of this processor, in the version of the"
                            + " toolkit");
        }
    }
}

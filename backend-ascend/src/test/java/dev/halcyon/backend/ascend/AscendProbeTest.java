package dev.halcyon.backend.ascend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.ascend.AscendProbe.Answer;
import dev.halcyon.backend.ascend.acl.ReturnCode;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.Availability.Reason;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/// Every way in which CANN can be missing has a reason and a remedy of its own.
class AscendProbeTest {
    private static final Path DRIVER = Path.of("/usr/local/Ascend/driver/lib64/libascend_hal.so");
    private static final Path ROOT = Path.of("/opt/cann");
    private static final Path LIBRARIES = ROOT.resolve("lib64");
    private static final Path OPP = ROOT.resolve("opp");

    /// What a test changes about a machine where everything is installed.
    private static final class Machine {
        String system = "Linux";
        boolean access = true;
        final Map<String, String> properties = new HashMap<>();
        final Map<String, String> environment =
                new HashMap<>(
                        Map.of(
                                "ASCEND_HOME_PATH",
                                ROOT.toString(),
                                "ASCEND_OPP_PATH",
                                OPP.toString()));
        final Set<Path> files =
                new HashSet<>(
                        Set.of(
                                DRIVER,
                                ROOT,
                                LIBRARIES.resolve("libascendcl.so"),
                                LIBRARIES.resolve("libnnopbase.so"),
                                LIBRARIES.resolve("libopapi.so"),
                                OPP,
                                OPP.resolve("built-in/op_impl/ai_core/tbe/kernel")));
        Function<Path, Answer> runtime = path -> answer(0, 2);

        AscendProbe probe() {
            return new AscendProbe(
                    system,
                    "aarch64",
                    AscendSettings.of(properties),
                    access,
                    environment,
                    files::contains,
                    path -> runtime.apply(path));
        }
    }

    private static Answer answer(int code, int devices) {
        return new Answer.Answered(new ReturnCode(code), devices, "Ascend910B3", "1.13.0", false);
    }

    private static Availability.Unavailable assertUnavailable(
            Machine machine, Reason reason, String remedy) {
        Availability.Unavailable found =
                assertInstanceOf(Availability.Unavailable.class, machine.probe().run());
        assertEquals(reason, found.reason(), found.describe());
        assertTrue(found.remedy().contains(remedy), found.describe());
        return found;
    }

    @Test
    void findsDevices() {
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, new Machine().probe().run());
        assertEquals(2, found.devices().size());
        assertEquals("Ascend910B3", found.devices().getFirst().name());
        assertFalse(found.devices().getFirst().emulated());
    }

    /// Nothing has run on an NPU yet, so whoever asks for any device does not get one unknowingly.
    @Test
    void leavesDevicesToThoseWhoNameThem() {
        Machine machine = new Machine();
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, machine.probe().run());
        String reservation = found.devices().getFirst().reservation().orElse("");
        assertTrue(reservation.contains("-Dhalcyon.ascend=on"), reservation);
        machine.properties.put("halcyon.ascend", "on");
        found = assertInstanceOf(Availability.Available.class, machine.probe().run());
        assertTrue(found.devices().getFirst().reservation().isEmpty());
    }

    @Test
    void saysThatItIsSwitchedOff() {
        Machine machine = new Machine();
        machine.properties.put("halcyon.ascend", "off");
        assertUnavailable(machine, Reason.DISABLED, "-Dhalcyon.ascend=off");
    }

    @Test
    void saysThatThePlatformHasNoBackend() {
        Machine machine = new Machine();
        machine.system = "Mac OS X";
        assertUnavailable(machine, Reason.UNSUPPORTED_PLATFORM, "use Linux");
    }

    @Test
    void namesTheFlagForNativeAccess() {
        Machine machine = new Machine();
        machine.access = false;
        assertUnavailable(machine, Reason.NATIVE_ACCESS_DENIED, "--enable-native-access");
    }

    @Test
    void saysThatTheDriverIsMissing() {
        Machine machine = new Machine();
        machine.files.remove(DRIVER);
        assertUnavailable(machine, Reason.NO_DRIVER, "install the Ascend driver");
    }

    @Test
    void findsTheDriverWhereItIsSaidToBe() {
        Machine machine = new Machine();
        machine.files.remove(DRIVER);
        machine.files.add(Path.of("/drivers/common/libascend_hal.so"));
        machine.properties.put("halcyon.ascend.driver", "/drivers");
        assertInstanceOf(Availability.Available.class, machine.probe().run());
    }

    @Test
    void saysThatTheToolkitIsMissing() {
        Machine machine = new Machine();
        machine.environment.remove("ASCEND_HOME_PATH");
        assertUnavailable(machine, Reason.LIBRARY_MISSING, "install the CANN toolkit");
    }

    @Test
    void findsTheToolkitInItsDefaultPlaces() {
        for (String place :
                new String[] {
                    "/usr/local/Ascend/ascend-toolkit/latest", "/usr/local/Ascend/cann"
                }) {
            Machine machine = new Machine();
            machine.environment.remove("ASCEND_HOME_PATH");
            Path root = Path.of(place);
            machine.files.add(root);
            for (String library : new String[] {"ascendcl", "nnopbase", "opapi"}) {
                machine.files.add(root.resolve("lib64/lib" + library + ".so"));
            }
            assertInstanceOf(Availability.Available.class, machine.probe().run(), place);
        }
    }

    @Test
    void saysThatTheNamedToolkitIsNotThere() {
        Machine machine = new Machine();
        machine.environment.put("ASCEND_HOME_PATH", "/nowhere");
        Availability.Unavailable found =
                assertUnavailable(machine, Reason.LIBRARY_MISSING, "correct it");
        assertTrue(found.detail().contains("ASCEND_HOME_PATH names /nowhere"), found.describe());
    }

    @Test
    void listsWhatTheToolkitLacks() {
        for (String library : new String[] {"ascendcl", "nnopbase", "opapi"}) {
            Machine machine = new Machine();
            machine.files.remove(LIBRARIES.resolve("lib" + library + ".so"));
            Availability.Unavailable found =
                    assertUnavailable(machine, Reason.LIBRARY_MISSING, "incomplete");
            assertTrue(found.detail().contains("lib" + library), found.describe());
        }
    }

    @Test
    void takesTheNewLayoutAloneWhereItExists() {
        Machine machine = new Machine();
        for (String library : new String[] {"acl_rt", "opapi_math", "opapi_nn"}) {
            machine.files.add(LIBRARIES.resolve("lib" + library + ".so"));
        }
        Availability.Unavailable incomplete =
                assertUnavailable(machine, Reason.LIBRARY_MISSING, "incomplete");
        assertTrue(incomplete.detail().contains("libopapi_transformer"), incomplete.describe());
        machine.files.add(LIBRARIES.resolve("libopapi_transformer.so"));
        machine.runtime =
                path -> {
                    assertEquals(LIBRARIES.resolve("libacl_rt.so"), path);
                    return answer(0, 1);
                };
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, machine.probe().run());
        assertEquals("libopapi_*", found.devices().getFirst().properties().get("operators"));
    }

    @Test
    void saysThatTheEnvironmentWasNotPrepared() {
        Machine machine = new Machine();
        machine.environment.remove("ASCEND_OPP_PATH");
        assertUnavailable(machine, Reason.LIBRARY_MISSING, "set_env.sh");
        machine.environment.put("ASCEND_OPP_PATH", "/nowhere");
        assertUnavailable(machine, Reason.LIBRARY_MISSING, "correct it");
    }

    @Test
    void saysThatThereAreNoKernelsForTheProcessor() {
        Machine machine = new Machine();
        machine.files.remove(OPP.resolve("built-in/op_impl/ai_core/tbe/kernel"));
        assertUnavailable(machine, Reason.VERSION_MISMATCH, "kernels package");
    }

    @Test
    void keepsTheLoadersOwnWords() {
        Machine machine = new Machine();
        machine.runtime = path -> new Answer.NotLoaded("libfoo.so: cannot open shared object file");
        Availability.Unavailable found =
                assertUnavailable(machine, Reason.LIBRARY_MISSING, "set_env.sh");
        assertTrue(found.detail().contains("libfoo.so"), found.describe());
    }

    @Test
    void saysThatThereIsNoDevice() {
        Machine machine = new Machine();
        machine.runtime = path -> answer(0, 0);
        assertUnavailable(machine, Reason.NO_DEVICE, "npu-smi");
        machine.runtime = path -> answer(507033, 0);
        Availability.Unavailable found = assertUnavailable(machine, Reason.NO_DEVICE, "npu-smi");
        assertTrue(found.detail().contains("507033 DEV_SETUP_ERROR"), found.describe());
    }

    @Test
    void survivesARuntimeThatThrows() {
        Machine machine = new Machine();
        machine.runtime =
                path -> {
                    throw new IllegalStateException("no symbol");
                };
        assertUnavailable(machine, Reason.PROBE_FAILED, "set_env.sh");
    }

    @Test
    void needsNeitherDriverNorKernelsForTheEmulator() {
        Machine machine = new Machine();
        machine.files.remove(DRIVER);
        machine.files.remove(OPP);
        machine.environment.remove("ASCEND_OPP_PATH");
        machine.files.add(LIBRARIES.resolve("libhalcyon_ascend_emulator.so"));
        machine.runtime =
                path -> new Answer.Answered(new ReturnCode(0), 1, "Ascend910B3", "", true);
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, machine.probe().run());
        assertTrue(found.devices().getFirst().emulated());
        assertEquals("ascend:0 (emulated)", found.devices().getFirst().title());
    }

    /// A machine without CANN, where the emulator was built.
    private static Machine emulated(String profile) {
        Machine machine = new Machine();
        machine.files.clear();
        machine.environment.clear();
        Path root = Path.of("/built").resolve(profile);
        machine.files.add(root);
        for (String library : new String[] {"ascendcl", "nnopbase", "opapi"}) {
            machine.files.add(root.resolve("lib64/lib" + library + ".so"));
        }
        machine.files.add(root.resolve("lib64/libhalcyon_ascend_emulator.so"));
        machine.properties.put("halcyon.ascend.emulator", "/built");
        machine.runtime =
                path -> {
                    assertTrue(path.startsWith(root), path.toString());
                    return new Answer.Answered(new ReturnCode(0), 1, "Ascend910B3", "", true);
                };
        return machine;
    }

    @Test
    void takesTheEmulatorWhereNoCannIsInstalled() {
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, emulated("head").probe().run());
        assertTrue(found.devices().getFirst().emulated());
    }

    @Test
    void takesAnInstallationBeforeTheEmulator() {
        Machine machine = new Machine();
        machine.properties.put("halcyon.ascend.emulator", "/built");
        machine.files.add(Path.of("/built/head"));
        Availability.Available found =
                assertInstanceOf(Availability.Available.class, machine.probe().run());
        assertFalse(found.devices().getFirst().emulated());
    }

    @Test
    void takesTheProfileThatIsAskedForWhateverIsInstalled() {
        Machine machine = emulated("8.1");
        machine.environment.put("ASCEND_HOME_PATH", ROOT.toString());
        machine.properties.put("halcyon.ascend.profile", "8.1");
        assertInstanceOf(Availability.Available.class, machine.probe().run());
    }

    @Test
    void saysWhatIsWrongWithAProfile() {
        Machine machine = emulated("head");
        machine.properties.put("halcyon.ascend.profile", "7");
        assertUnavailable(machine, Reason.LIBRARY_MISSING, "use head or 8.1");
        machine.properties.put("halcyon.ascend.profile", "8.1");
        assertUnavailable(machine, Reason.LIBRARY_MISSING, "correct it");
        machine.properties.remove("halcyon.ascend.emulator");
        assertUnavailable(machine, Reason.LIBRARY_MISSING, "build.sh");
    }

    @Test
    void alwaysFindsAnAnswerOnThisMachine() {
        assertNotNull(new AscendBackendProvider().probe());
    }
}

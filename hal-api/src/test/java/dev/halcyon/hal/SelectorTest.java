package dev.halcyon.hal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.halcyon.hal.error.BackendUnavailableException;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// A selector picks what it was asked for or explains itself; only a preference falls through, and
/// says why.
final class SelectorTest {
    @TempDir Path folder;

    private Discovery discovery;

    @BeforeEach
    void discover() throws IOException {
        discovery =
                ProviderLoader.discover(
                        folder,
                        FakeBackend.class,
                        OddProviders.Present.class,
                        OddProviders.Absent.class,
                        OddProviders.BrokenConstructor.class);
    }

    @Test
    void aDeviceByNameIsThatDevice() {
        assertEquals("Present:3", chosen(Selector.of("Present:3")));
        assertEquals("fake:0", chosen(Selector.of(" fake:0 ")));
    }

    @Test
    void aBackendByNameIsItsFirstDeviceWhateverItsNumber() {
        assertEquals("Present:1", chosen(Selector.of("Present")));
    }

    @Test
    void aDeviceThatIsNotThereIsAnErrorWithTheWholeDiscovery() {
        BackendUnavailableException missing =
                Expect.thrown(
                        BackendUnavailableException.class,
                        () -> Selector.of("Present:0").choose(discovery),
                        "Present:0",
                        "has no device 0, only Present:1, Present:3",
                        "Absent: NO_DEVICE: looked; plug one in",
                        "fake:0 (emulated) a device for tests",
                        Discovery.UNLOADABLE,
                        "the constructor fell over");
        assertEquals("Present:0", missing.failure().device());
        Expect.contains(missing.failure().remedy(), discovery.describe());
    }

    @Test
    void aBackendThatIsNotThereMayBeTheOneThatCannotBeLoaded() {
        Expect.thrown(
                BackendUnavailableException.class,
                () -> Selector.of("cuda").choose(discovery),
                "cuda: not on the class or module path, or a registered provider that cannot be"
                        + " loaded");
        Expect.thrown(
                BackendUnavailableException.class,
                () -> Selector.of("cuda").choose(new Discovery(List.of())),
                "cuda: not on the class or module path",
                "add backend-cpu to the dependencies");
    }

    @Test
    void aBackendWithoutDevicesSaysWhatToDo() {
        Expect.thrown(
                BackendUnavailableException.class,
                () -> Selector.of("Absent").choose(discovery),
                "NO_DEVICE: looked; plug one in");
    }

    @Test
    void aPreferenceFallsThroughAndSaysWhy() {
        Selector.Choice choice =
                Selector.preferring("cuda", "Absent", "Present:7", "fake", "Present")
                        .choose(discovery);
        assertEquals("fake:0", choice.device().id());
        assertEquals("fake", choice.entry().backend());
        assertEquals(3, choice.passedOver().size());
        Expect.contains(choice.passedOver().get(0), "cuda: not on the class or module path");
        Expect.contains(choice.passedOver().get(1), "Absent: NO_DEVICE: looked; plug one in");
        Expect.contains(
                choice.passedOver().get(2), "Present: has no device 7, only Present:1, Present:3");
    }

    @Test
    void aPreferenceMayNameADevice() {
        assertEquals("Present:3", chosen(Selector.preferring("cuda", "Present:3", "fake")));
    }

    @Test
    void aPreferenceThatIsThereAtOncePassesNothingOver() {
        assertEquals(List.of(), Selector.preferring("fake", "cuda").choose(discovery).passedOver());
    }

    @Test
    void aPreferenceWithoutSuccessListsEveryReason() {
        Expect.thrown(
                BackendUnavailableException.class,
                () -> Selector.preferring("cuda", "Absent").choose(discovery),
                "preferring cuda, Absent",
                "cuda: not on",
                "Absent: NO_DEVICE");
    }

    @Test
    void autoIsCudaThenAscendThenCpu() {
        Expect.thrown(
                BackendUnavailableException.class,
                () -> Selector.of("auto").choose(discovery),
                "auto",
                "cuda: not on",
                "ascend: not on",
                "cpu: not on");
    }

    @Test
    void autoLeavesAReservedDeviceToThoseWhoNameIt() {
        Discovery both =
                new Discovery(
                        List.of(
                                found("cuda", Map.of(DeviceDescription.RESERVATION, "never ran")),
                                found("cpu", Map.of())));
        Selector.Choice automatic = Selector.of("auto").choose(both);
        assertEquals("cpu:0", automatic.device().id());
        assertEquals("cuda:0: never ran", automatic.passedOver().getFirst());
        for (String name : List.of("cuda", "cuda:0")) {
            assertEquals("cuda:0", Selector.of(name).choose(both).device().id());
            assertEquals("cuda:0", Selector.preferring(name, "cpu").choose(both).device().id());
        }
    }

    @Test
    void autoTakesNoEmulation() {
        Discovery both =
                new Discovery(
                        List.of(
                                found(new DeviceDescription("ascend", 0, "sham", true, Map.of())),
                                found("cpu", Map.of())));
        Selector.Choice automatic = Selector.of("auto").choose(both);
        assertEquals("cpu:0", automatic.device().id());
        Expect.contains(automatic.passedOver().getLast(), "ascend:0: an emulation");
        assertEquals("ascend:0", Selector.of("ascend:0").choose(both).device().id());
    }

    private static Discovery.Entry found(String backend, Map<String, String> properties) {
        return found(new DeviceDescription(backend, 0, "a " + backend, false, properties));
    }

    private static Discovery.Entry found(DeviceDescription device) {
        return new Discovery.Entry(
                device.backend(),
                new OddProviders.Present(),
                new Availability.Available(List.of(device), List.of()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                ":0",
                "cuda:",
                "cuda:x",
                "cuda:-1",
                "cuda:0:1",
                "auto:1",
                "cuda:4294967295"
            })
    void otherTextsAreRefused(String text) {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> Selector.of(text),
                "\"" + text + "\"",
                "cpu, cuda:0, ascend:0 or auto");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> Selector.preferring("cpu", text),
                "\"" + text + "\"");
    }

    @Test
    void aPreferenceNamesSomething() {
        Expect.thrown(IllegalArgumentException.class, Selector::preferring, "at least one");
        Expect.thrown(IllegalArgumentException.class, () -> Selector.preferring("auto"), "auto");
    }

    @Test
    void theEnvironmentNamesADeviceOrNothing() {
        assertEquals("fake:0", chosen(Selector.fromVariable("fake")));
        assertEquals("auto", Selector.fromVariable(null).toString());
        assertEquals("auto", Selector.fromVariable(" ").toString());
        assertEquals("auto", Selector.fromVariable("auto").toString());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> Selector.fromVariable("cuda:first"),
                "environment variable HALCYON_DEVICE",
                "cuda:first");
        assertNotNull(Selector.fromEnvironment());
    }

    private String chosen(Selector selector) {
        return selector.choose(discovery).device().id();
    }
}

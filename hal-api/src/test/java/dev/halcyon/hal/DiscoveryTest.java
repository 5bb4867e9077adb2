package dev.halcyon.hal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Discovery finds what is there and says what is wrong with the rest; no provider can keep it from
/// doing so.
final class DiscoveryTest {
    @TempDir Path folder;

    @Test
    void nothingOnThePathIsSaidWithTheRemedy() throws IOException {
        Discovery discovery = ProviderLoader.discover(folder);
        assertEquals(List.of(), discovery.entries());
        Expect.contains(
                discovery.describe(),
                "no backend is on the class or module path",
                "add backend-cpu");
    }

    @Test
    void listsTheDevicesOfEveryProvider() throws IOException {
        Discovery discovery =
                ProviderLoader.discover(
                        folder,
                        OddProviders.Present.class,
                        FakeBackend.class,
                        OddProviders.Absent.class);
        assertEquals(
                List.of("Absent", "Present", "fake"),
                discovery.entries().stream().map(Discovery.Entry::backend).toList());
        assertEquals(
                List.of("Present:1", "Present:3", "fake:0"),
                discovery.devices().stream().map(DeviceDescription::id).toList());
        Expect.contains(
                discovery.describe(),
                "Absent: NO_DEVICE: looked; plug one in",
                "Present:1 first, Present:3 (emulated) second; slow today",
                "fake:0 (emulated) a device for tests");
        assertTrue(discovery.find("fake").isPresent());
        assertTrue(discovery.find("cuda").isEmpty());
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                OddProviders.BrokenProbe.class,
                OddProviders.FailedAssertion.class,
                OddProviders.EndlessProbe.class,
                OddProviders.NullProbe.class,
                OddProviders.EmptyProbe.class,
                OddProviders.BrokenVersion.class
            })
    void aBrokenProbeIsReportedAndTheOthersAreFound(Class<?> broken) throws IOException {
        Discovery discovery = ProviderLoader.discover(folder, broken, FakeBackend.class);
        var unavailable = unavailable(discovery, broken.getSimpleName());
        assertEquals(Availability.Reason.PROBE_FAILED, unavailable.reason());
        Expect.contains(unavailable.detail(), broken.getName());
        Expect.contains(unavailable.remedy(), "report this to the backend's authors");
        assertNotNull(unavailable.cause());
        Expect.contains(unavailable.detail(), String.valueOf(unavailable.cause()));
        assertTrue(discovery.find("fake").isPresent());
    }

    @ParameterizedTest
    @ValueSource(classes = {OddProviders.BrokenName.class, OddProviders.NullName.class})
    void aProviderWithoutNameIsListedByItsClass(Class<?> broken) throws IOException {
        Discovery discovery = ProviderLoader.discover(folder, broken, FakeBackend.class);
        assertEquals(
                Availability.Reason.PROBE_FAILED,
                unavailable(discovery, broken.getName()).reason());
        assertTrue(discovery.find("fake").isPresent());
    }

    @ParameterizedTest
    @ValueSource(
            classes = {OddProviders.BrokenConstructor.class, OddProviders.BrokenInitializer.class})
    void aProviderThatCannotBeMadeIsListedWithTheReason(Class<?> broken) throws IOException {
        Discovery discovery = ProviderLoader.discover(folder, broken, FakeBackend.class);
        var unavailable = unavailable(discovery, Discovery.UNLOADABLE);
        assertEquals(Availability.Reason.PROBE_FAILED, unavailable.reason());
        Expect.contains(unavailable.detail(), broken.getName(), "fell over");
        Expect.contains(unavailable.remedy(), "complete and of one version");
        assertNotNull(unavailable.cause());
        assertTrue(discovery.find("fake").isPresent());
    }

    @Test
    void aListedClassThatIsMissingOrNoProviderHidesNothing() throws IOException {
        Discovery discovery =
                ProviderLoader.discover(
                        folder,
                        List.of(
                                "com.example.gone.Provider",
                                OddProviders.NotAProvider.class.getName(),
                                FakeBackend.class.getName()));
        assertEquals(3, discovery.entries().size());
        Expect.contains(
                discovery.describe(), "com.example.gone.Provider", "NotAProvider", "fake:0");
    }

    @Test
    void aLineThatIsNoClassNameIsReported() throws IOException {
        Discovery discovery = ProviderLoader.discover(folder, List.of("this is not a class name"));
        assertEquals(
                Availability.Reason.PROBE_FAILED,
                unavailable(discovery, Discovery.UNLOADABLE).reason());
    }

    @Test
    void anUnreadableListOfServicesEndsTheSearch() throws IOException {
        Discovery discovery = ProviderLoader.discoverUnreadable(folder);
        assertEquals(1, discovery.entries().size());
        Expect.contains(
                unavailable(discovery, Discovery.UNLOADABLE).detail(), "the disk is on fire");
    }

    @Test
    void aProviderOfAnotherVersionIsNotProbed() throws IOException {
        Discovery discovery = ProviderLoader.discover(folder, OddProviders.OtherVersion.class);
        var unavailable = unavailable(discovery, "OtherVersion");
        assertEquals(Availability.Reason.INCOMPATIBLE_SPI, unavailable.reason());
        Expect.contains(
                unavailable.detail(),
                OddProviders.OtherVersion.class.getName(),
                "interface " + (BackendProvider.API_VERSION + 41),
                "hal-api has " + BackendProvider.API_VERSION);
        Expect.contains(
                unavailable.remedy(),
                "versions of the backend and of hal-api that belong together");
        assertNull(unavailable.cause());
    }

    @Test
    void theServiceOfThisModuleAloneIsEnoughToOpenADevice() throws IOException {
        Discovery discovery = ProviderLoader.discover(folder, FakeBackend.class);
        Selector.Choice choice = Selector.of("fake:0").choose(discovery);
        try (Device device = choice.entry().provider().open(0, DeviceOptions.defaults())) {
            assertEquals(FakeBackend.DEVICE.id(), device.description().id());
        }
    }

    @Test
    void discoveringThisPathThrowsNothing() {
        assertNotNull(Halcyon.discover().describe());
    }

    @ParameterizedTest
    @EnumSource
    void everyReasonNeedsARemedy(Availability.Reason reason) {
        assertEquals(
                reason + ": what; do this",
                new Availability.Unavailable(reason, "what", "do this", null).describe());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new Availability.Unavailable(reason, "what", "  ", null),
                "names a remedy");
    }

    @Test
    void anAvailableBackendHasADevice() {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new Availability.Available(List.of(), List.of()),
                "at least one device");
    }

    @Test
    void aDescriptionKeepsTheOrderOfItsPropertiesAndNoWayToChangeThem() {
        Map<String, String> properties = new java.util.LinkedHashMap<>();
        properties.put("z", "1");
        properties.put("a", "2");
        DeviceDescription description = new DeviceDescription("x", 2, "name", true, properties);
        properties.put("later", "3");
        assertEquals(List.of("z", "a"), List.copyOf(description.properties().keySet()));
        assertThrows(
                UnsupportedOperationException.class, () -> description.properties().put("b", ""));
        assertEquals("x:2", description.id());
        assertEquals("x:2 (emulated)", description.title());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new DeviceDescription("x", -1, "name", false, Map.of()),
                "-1");
    }

    private static Availability.Unavailable unavailable(Discovery discovery, String backend) {
        return assertInstanceOf(
                Availability.Unavailable.class,
                discovery.find(backend).orElseThrow().availability());
    }
}

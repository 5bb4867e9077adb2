package dev.halcyon.backend.ascend;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The backend "ascend".
public final class AscendBackendProvider implements BackendProvider {
    private static final System.Logger LOGGER =
            System.getLogger(AscendBackendProvider.class.getName());

    private final Map<String, String> given;

    /// Makes the provider; [java.util.ServiceLoader] calls this.
    public AscendBackendProvider() {
        this(Map.of());
    }

    /// Makes a provider with settings that go before the system properties of the same names.
    ///
    /// @param given for example `halcyon.ascend.home` → where CANN is
    public AscendBackendProvider(Map<String, String> given) {
        this.given = Map.copyOf(given);
    }

    @Override
    public String name() {
        return "ascend";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public Availability probe() {
        return AscendProbe.ofThisMachine(properties()).run();
    }

    private Map<String, String> properties() {
        Map<String, String> properties = new HashMap<>();
        System.getProperties()
                .stringPropertyNames()
                .forEach(
                        name -> {
                            String value = System.getProperty(name);
                            if (name.startsWith("halcyon.ascend") && value != null) {
                                properties.put(name, value);
                            }
                        });
        properties.putAll(given);
        return properties;
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        return open(ordinal, options, find(ordinal, options));
    }

    @Override
    public List<String> examine(int ordinal, DeviceOptions options) {
        Found found = find(ordinal, options);
        try (AscendDevice device = open(ordinal, options, found)) {
            return new AscendExamination(device, found.installation()).lines();
        }
    }

    private record Found(
            CannInstallation installation, DeviceDescription description, boolean deterministic) {}

    private Found find(int ordinal, DeviceOptions options) {
        Map<String, String> properties = properties();
        options.properties().forEach(properties::putIfAbsent);
        AscendProbe probe = AscendProbe.ofThisMachine(properties);
        Availability found = probe.run();
        AscendProbe.Finding finding = probe.finding();
        if (!(found instanceof Availability.Available available) || finding == null) {
            throw unavailable(
                    ordinal,
                    found instanceof Availability.Unavailable not
                            ? not.describe()
                            : "the devices are gone",
                    null);
        }
        if (ordinal < 0 || ordinal >= available.devices().size()) {
            throw unavailable(
                    ordinal, "there are only " + available.devices().size() + " devices", null);
        }
        return new Found(
                finding.installation(),
                available.devices().get(ordinal),
                AscendSettings.of(properties).deterministic());
    }

    private static AscendDevice open(int ordinal, DeviceOptions options, Found found) {
        AscendLibraries libraries = AscendLibraries.of(found.installation());
        AscendContext context =
                AscendContext.open(libraries.runtime(), ordinal, found.deterministic());
        DeviceDescription description = found.description();
        if (!description.emulated()) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    description.id() + ": " + AscendProbe.UNTESTED + "; check its results");
        }
        try {
            return new AscendDevice(description, options, libraries, context);
        } catch (RuntimeException failed) {
            context.close();
            throw failed;
        }
    }

    private static BackendUnavailableException unavailable(
            int ordinal, String detail, @Nullable Throwable cause) {
        return new BackendUnavailableException(
                Failure.of("ascend:" + ordinal, "open", detail, "use the CPU backend"), cause);
    }
}

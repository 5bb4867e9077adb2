package dev.halcyon.hal;

import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;
import java.util.ArrayList;
import java.util.List;

/// Which device to open: one by name, or the first available of several backends.
///
/// A device asked for by name is that device or an error. Only [#preferring] falls through, and the choice says why
/// each earlier backend was passed over.
public final class Selector {
    /// The environment variable that [#fromEnvironment()] reads.
    public static final String ENVIRONMENT_VARIABLE = "HALCYON_DEVICE";

    private static final List<String> AUTOMATIC = List.of("cuda", "ascend", "cpu");

    private final String text;
    private final List<String> backends;
    private final int ordinal;

    private Selector(String text, List<String> backends, int ordinal) {
        this.text = text;
        this.backends = backends;
        this.ordinal = ordinal;
    }

    /// What a selector picked.
    ///
    /// @param entry the backend
    /// @param device the device
    /// @param passedOver why each more preferred backend was not taken, one line each
    public record Choice(Discovery.Entry entry, DeviceDescription device, List<String> passedOver) {}

    /// {@return the selector of one device: `cpu`, `cuda:0`, or `auto` for the first of cuda, ascend and cpu}
    ///
    /// @throws IllegalArgumentException if the text is none of these
    public static Selector of(String device) {
        String name = device.strip();
        if (name.equals("auto")) {
            return new Selector(name, AUTOMATIC, 0);
        }
        int colon = name.indexOf(':');
        String backend = colon < 0 ? name : name.substring(0, colon);
        try {
            int ordinal = colon < 0 ? 0 : Integer.parseInt(name.substring(colon + 1));
            if (backend.isEmpty() || ordinal < 0) {
                throw new NumberFormatException(name);
            }
            return new Selector(name, List.of(backend), ordinal);
        } catch (NumberFormatException malformed) {
            throw new IllegalArgumentException(
                    "device \"" + device + "\" is not a name such as cpu, cuda:0, ascend:0 or auto", malformed);
        }
    }

    /// {@return the selector of the first of these backends that has a device}
    public static Selector preferring(String... backends) {
        if (backends.length == 0) {
            throw new IllegalArgumentException("name at least one backend to prefer");
        }
        return new Selector("preferring " + String.join(", ", backends), List.of(backends), 0);
    }

    /// {@return the selector that HALCYON_DEVICE names, `auto` if it is not set}
    public static Selector fromEnvironment() {
        String device = System.getenv(ENVIRONMENT_VARIABLE);
        return of(device == null || device.isBlank() ? "auto" : device);
    }

    /// {@return the device this selector picks from a discovery}
    ///
    /// @throws BackendUnavailableException if there is none; the message carries the discovery
    public Choice choose(Discovery discovery) {
        List<String> passedOver = new ArrayList<>();
        for (String backend : backends) {
            Discovery.Entry entry = discovery.find(backend).orElse(null);
            if (entry == null) {
                passedOver.add(backend + ": not on the class or module path");
            } else if (entry.availability() instanceof Availability.Unavailable unavailable) {
                passedOver.add(backend + ": " + unavailable.describe());
            } else if (entry.availability() instanceof Availability.Available available) {
                for (DeviceDescription device : available.devices()) {
                    if (device.ordinal() == ordinal) {
                        return new Choice(entry, device, List.copyOf(passedOver));
                    }
                }
                passedOver.add(backend + ": has no device " + ordinal + ", only " + available.devices().size());
            }
        }
        throw new BackendUnavailableException(Failure.of(
                text,
                "open",
                "no such device: " + String.join("; ", passedOver),
                "everything that was found:" + System.lineSeparator() + discovery.describe()));
    }

    /// {@return the selector as it was written}
    @Override
    public String toString() {
        return text;
    }
}

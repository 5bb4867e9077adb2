package dev.halcyon.hal;

import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// Which device to open: one by name, or the first available of several backends.
///
/// A device asked for by name is that device or an error. Only [#preferring] falls through, and the
/// choice says why each earlier backend was passed over.
public final class Selector {
    /// The environment variable that [#fromEnvironment()] reads.
    public static final String ENVIRONMENT_VARIABLE = "HALCYON_DEVICE";

    private static final String AUTO = "auto";

    private static final List<Candidate> AUTOMATIC =
            List.of(Candidate.of("cuda"), Candidate.of("ascend"), Candidate.of("cpu"));

    private final String text;
    private final List<Candidate> candidates;

    private Selector(String text, List<Candidate> candidates) {
        this.text = text;
        this.candidates = candidates;
    }

    /// One backend, and which of its devices; the first that it lists if there is no ordinal.
    private record Candidate(String backend, OptionalInt ordinal) {
        static Candidate of(String device) {
            String name = device.strip();
            int colon = name.indexOf(':');
            String backend = colon < 0 ? name : name.substring(0, colon);
            try {
                OptionalInt ordinal =
                        colon < 0
                                ? OptionalInt.empty()
                                : OptionalInt.of(
                                        Integer.parseUnsignedInt(name.substring(colon + 1)));
                if (backend.isBlank() || backend.equals(AUTO) || ordinal.orElse(0) < 0) {
                    throw new NumberFormatException(name);
                }
                return new Candidate(backend, ordinal);
            } catch (NumberFormatException malformed) {
                throw new IllegalArgumentException(
                        "device \""
                                + device
                                + "\" is not a name such as cpu, cuda:0, ascend:0 or auto",
                        malformed);
            }
        }

        Optional<DeviceDescription> of(List<DeviceDescription> devices) {
            return devices.stream()
                    .filter(device -> ordinal.isEmpty() || ordinal.getAsInt() == device.ordinal())
                    .findFirst();
        }
    }

    /// What a selector picked.
    ///
    /// @param entry the backend
    /// @param device the device
    /// @param passedOver why each more preferred backend was not taken, one line each
    public record Choice(
            Discovery.Entry entry, DeviceDescription device, List<String> passedOver) {}

    /// {@return the selector of one device: `cuda:0`, `cpu` for the first of a backend, or `auto`
    /// for the first of cuda, ascend and cpu that there is and that is not reserved for those who
    /// name it}
    ///
    /// @throws IllegalArgumentException if the text is none of these
    public static Selector of(String device) {
        String name = device.strip();
        return name.equals(AUTO)
                ? new Selector(AUTO, AUTOMATIC)
                : new Selector(name, List.of(Candidate.of(device)));
    }

    /// {@return the selector of the first of these that is there, each a backend (`cuda`) or a
    /// device (`cuda:1`)}
    ///
    /// @throws IllegalArgumentException if there are none or one is neither
    public static Selector preferring(String... devices) {
        if (devices.length == 0) {
            throw new IllegalArgumentException("name at least one backend to prefer");
        }
        return new Selector(
                "preferring " + String.join(", ", devices),
                Arrays.stream(devices).map(Candidate::of).toList());
    }

    /// {@return the selector that HALCYON_DEVICE names, `auto` if it is not set}
    ///
    /// @throws IllegalArgumentException if it names neither a device nor `auto`
    public static Selector fromEnvironment() {
        return fromVariable(System.getenv(ENVIRONMENT_VARIABLE));
    }

    static Selector fromVariable(@Nullable String value) {
        try {
            return of(value == null || value.isBlank() ? AUTO : value);
        } catch (IllegalArgumentException malformed) {
            throw new IllegalArgumentException(
                    "environment variable " + ENVIRONMENT_VARIABLE + ": " + malformed.getMessage(),
                    malformed);
        }
    }

    /// {@return the device this selector picks from a discovery}
    ///
    /// @throws BackendUnavailableException if there is none; the message carries the discovery
    public Choice choose(Discovery discovery) {
        List<String> passedOver = new ArrayList<>();
        for (Candidate candidate : candidates) {
            String backend = candidate.backend();
            Discovery.Entry entry = discovery.find(backend).orElse(null);
            if (entry == null) {
                passedOver.add(
                        backend
                                + ": not on the class or module path"
                                + (discovery.find(Discovery.UNLOADABLE).isPresent()
                                        ? ", or a registered provider that cannot be loaded"
                                        : ""));
            } else if (entry.availability() instanceof Availability.Unavailable unavailable) {
                passedOver.add(backend + ": " + unavailable.describe());
            } else if (entry.availability() instanceof Availability.Available available) {
                Optional<DeviceDescription> device = candidate.of(available.devices());
                if (device.isEmpty()) {
                    passedOver.add(
                            backend
                                    + ": has no device "
                                    + candidate.ordinal().orElse(0)
                                    + ", only "
                                    + String.join(
                                            ", ",
                                            available.devices().stream()
                                                    .map(DeviceDescription::id)
                                                    .toList()));
                } else if (text.equals(AUTO) && device.get().reservation().isPresent()) {
                    passedOver.add(
                            device.get().id() + ": " + device.get().reservation().orElseThrow());
                } else {
                    return new Choice(entry, device.get(), List.copyOf(passedOver));
                }
            }
        }
        throw new BackendUnavailableException(
                Failure.of(
                        text,
                        "open",
                        "no such device: " + String.join("; ", passedOver),
                        "everything that was found:"
                                + System.lineSeparator()
                                + discovery.describe()));
    }

    /// {@return the selector as it was written}
    @Override
    public String toString() {
        return text;
    }
}

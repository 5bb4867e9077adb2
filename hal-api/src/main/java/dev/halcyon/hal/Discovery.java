package dev.halcyon.hal;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// Every backend on the class or module path, with what its probe found.
///
/// @param entries one a provider, in the order of their names
public record Discovery(List<Entry> entries) {
    /// The name under which a provider is listed that could not even be instantiated.
    public static final String UNLOADABLE = "(unloadable)";

    /// One provider and its availability.
    ///
    /// @param backend its name
    /// @param provider the provider
    /// @param availability what its probe found
    public record Entry(String backend, BackendProvider provider, Availability availability) {
        public Entry {
            Objects.requireNonNull(backend, "backend");
            Objects.requireNonNull(provider, "provider");
            Objects.requireNonNull(availability, "availability");
        }
    }

    public Discovery {
        entries = List.copyOf(entries);
    }

    /// {@return the entry of a backend, if it is on the path}
    public Optional<Entry> find(String backend) {
        return entries.stream().filter(entry -> entry.backend().equals(backend)).findFirst();
    }

    /// {@return every device of every available backend}
    public List<DeviceDescription> devices() {
        return entries.stream()
                .flatMap(
                        entry ->
                                entry.availability() instanceof Availability.Available available
                                        ? available.devices().stream()
                                        : java.util.stream.Stream.empty())
                .toList();
    }

    /// {@return one line a backend: its devices, or why it has none and the remedy}
    public String describe() {
        if (entries.isEmpty()) {
            return "no backend is on the class or module path; add backend-cpu to the dependencies";
        }
        StringBuilder text = new StringBuilder();
        for (Entry entry : entries) {
            text.append(text.isEmpty() ? "" : System.lineSeparator())
                    .append(entry.backend())
                    .append(": ");
            switch (entry.availability()) {
                case Availability.Available available -> {
                    List<String> names =
                            available.devices().stream()
                                    .map(device -> device.title() + " " + device.name())
                                    .toList();
                    text.append(String.join(", ", names));
                    available.notes().forEach(note -> text.append("; ").append(note));
                }
                case Availability.Unavailable unavailable -> text.append(unavailable.describe());
            }
        }
        return text.toString();
    }
}

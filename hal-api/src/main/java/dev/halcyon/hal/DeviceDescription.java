package dev.halcyon.hal;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// What a device is, as far as a probe can tell without opening it.
///
/// @param backend name of the backend, `cuda`
/// @param ordinal which of the backend's devices
/// @param name the product, `AMD EPYC 9654`
/// @param emulated whether this is an emulation; its times mean nothing
/// @param properties facts worth reporting, in order: `isa` → `avx512`, `driver` → `580.65`
public record DeviceDescription(
        String backend,
        int ordinal,
        String name,
        boolean emulated,
        Map<String, String> properties) {
    /// The property of a device that only those get who name it: its value says why
    /// [Selector#of]`("auto")` passes it over, and what to do about that.
    public static final String RESERVATION = "reservation";

    public DeviceDescription {
        Objects.requireNonNull(backend, "backend");
        Objects.requireNonNull(name, "name");
        if (ordinal < 0) {
            throw new IllegalArgumentException(
                    "ordinal of a device of " + backend + " is negative: " + ordinal);
        }
        properties = Collections.unmodifiableMap(new LinkedHashMap<>(properties));
    }

    /// {@return the id that [Selector#of] takes: `cuda:0`}
    public String id() {
        return backend + ":" + ordinal;
    }

    /// {@return why `auto` passes the device over, if it does; it does so with every emulation}
    public Optional<String> reservation() {
        return emulated
                ? Optional.of("an emulation, which only those get who name it")
                : Optional.ofNullable(properties.get(RESERVATION));
    }

    /// {@return the id, marked when emulated: `ascend:0 (emulated)`}
    public String title() {
        return emulated ? id() + " (emulated)" : id();
    }
}

package dev.halcyon.hal;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;

/// What a backend's probe found: devices, or the reason why there are none and what to do about it.
public sealed interface Availability {
    /// The backend has devices.
    ///
    /// @param devices at least one
    /// @param notes what a reader should know although it works: a missing flag, a slower variant
    record Available(List<DeviceDescription> devices, List<String> notes) implements Availability {
        public Available {
            devices = List.copyOf(devices);
            notes = List.copyOf(notes);
            if (devices.isEmpty()) {
                throw new IllegalArgumentException("an available backend has at least one device");
            }
        }
    }

    /// The backend has none.
    ///
    /// @param reason the kind of obstacle
    /// @param detail what was found, with names, versions and paths
    /// @param remedy what the reader can do about it
    /// @param cause the first failure, if there was one
    record Unavailable(Reason reason, String detail, String remedy, @Nullable Throwable cause)
            implements Availability {
        public Unavailable {
            Objects.requireNonNull(reason, "reason");
            Objects.requireNonNull(detail, "detail");
            if (remedy.isBlank()) {
                throw new IllegalArgumentException("an unavailable backend names a remedy");
            }
        }

        /// {@return reason, detail and remedy in one line}
        public String describe() {
            return reason + ": " + detail + "; " + remedy;
        }
    }

    /// Why a backend is not available.
    enum Reason {
        /// No version of this backend exists for the operating system or architecture.
        UNSUPPORTED_PLATFORM,
        /// The device driver is not installed or cannot be loaded.
        NO_DRIVER,
        /// The driver works and reports no device.
        NO_DEVICE,
        /// The driver is older than the backend needs.
        DRIVER_TOO_OLD,
        /// A library beside the driver is missing or cannot be loaded.
        LIBRARY_MISSING,
        /// Two parts that must match in version do not.
        VERSION_MISMATCH,
        /// The JVM denies native access to the backend's module.
        NATIVE_ACCESS_DENIED,
        /// Switched off by configuration.
        DISABLED,
        /// The provider was built against another version of the provider interface.
        INCOMPATIBLE_SPI,
        /// The probe itself failed.
        PROBE_FAILED
    }
}

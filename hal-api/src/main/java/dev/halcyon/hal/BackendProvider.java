package dev.halcyon.hal;

import java.util.List;

/// What a backend registers with [java.util.ServiceLoader]; loading the class must not touch native
/// code.
public interface BackendProvider {
    /// The version of this interface and of [dev.halcyon.hal.spi]; a provider returns the constant
    /// it was compiled with.
    int API_VERSION = 1;

    /// {@return the backend's name in selectors: `cpu`}
    String name();

    /// {@return [#API_VERSION] as it was when the provider was compiled}
    int apiVersion();

    /// {@return what is there, without creating a context; fast, silent, and never throwing}
    Availability probe();

    /// {@return an open device; closing it releases everything the backend holds for it}
    ///
    /// @param ordinal which of the devices that [#probe()] listed
    /// @throws dev.halcyon.hal.error.HalException if it cannot be opened
    Device open(int ordinal, DeviceOptions options);

    /// {@return what a thorough look at a device and its libraries finds, one line each: what
    /// differs from what the backend takes for granted, and answers to questions that only such a
    /// device can settle; nothing unless the backend has such questions}
    ///
    /// May take minutes, and must leave the device usable.
    ///
    /// @param ordinal which of the devices that [#probe()] listed
    /// @throws dev.halcyon.hal.error.HalException if the device cannot be opened
    default List<String> examine(int ordinal, DeviceOptions options) {
        return List.of();
    }
}

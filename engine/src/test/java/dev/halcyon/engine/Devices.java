package dev.halcyon.engine;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;

/// The device of these tests.
final class Devices {
    private Devices() {}

    /// {@return the CPU device, found as a user finds it, with thread checks and allocation traces}
    static Device cpu() {
        return Halcyon.open(Selector.of("cpu"), DeviceOptions.fromSystemProperties().withTracing());
    }
}

package com.example.abacus;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.host.HostDevice;

import java.util.List;
import java.util.Map;

/// The backend "abacus": one device, everywhere.
public final class AbacusProvider implements BackendProvider {
    /// Called by the service loader.
    public AbacusProvider() {}

    @Override
    public String name() {
        return "abacus";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public Availability probe() {
        return new Availability.Available(List.of(description()), List.of());
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        return HostDevice.builder(description(), options)
                .kernel(new GemmKernel())
                .kernel(new RmsNormKernel())
                .kernel(new SwiGluKernel())
                .build();
    }

    private static DeviceDescription description() {
        return new DeviceDescription("abacus", 0, "beads on wires", false, Map.of());
    }
}

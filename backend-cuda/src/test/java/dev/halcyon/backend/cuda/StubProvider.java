package dev.halcyon.backend.cuda;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;

import java.util.Map;

/// The backend with the stub in the place of the driver, whatever the machine has.
public final class StubProvider implements BackendProvider {
    private final CudaBackendProvider provider = new CudaBackendProvider();

    private static DeviceOptions onStub(DeviceOptions options) {
        return options.withProperty("halcyon.cuda", "on")
                .withProperty("halcyon.cuda.library", StubLibrary.path().toString());
    }

    @Override
    public String name() {
        return provider.name();
    }

    @Override
    public int apiVersion() {
        return provider.apiVersion();
    }

    @Override
    public Availability probe() {
        return provider.probe(onStub(DeviceOptions.fromSystemProperties()));
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        return provider.open(ordinal, onStub(options));
    }

    /// {@return device 0 with thread checks}
    public static Device open() {
        return new StubProvider().open(0, new DeviceOptions(false, true, 64, Map.of()));
    }
}

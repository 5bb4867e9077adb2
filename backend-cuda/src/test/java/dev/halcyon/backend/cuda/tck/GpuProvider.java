package dev.halcyon.backend.cuda.tck;

import dev.halcyon.backend.cuda.CudaBackendProvider;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;

/// The backend on a GPU and on nothing else: where other tests of this JVM have loaded the stub,
/// its name finds the stub.
final class GpuProvider implements BackendProvider {
    private final CudaBackendProvider provider = new CudaBackendProvider();

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
        Availability found = provider.probe();
        return found instanceof Availability.Available available
                        && available.devices().stream().anyMatch(DeviceDescription::emulated)
                ? new Availability.Unavailable(
                        Availability.Reason.NO_DRIVER,
                        "what answers is the stub, not a driver",
                        "run this test in a JVM of its own, on a machine with a GPU",
                        null)
                : found;
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        return provider.open(ordinal, options);
    }
}

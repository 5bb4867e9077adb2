package dev.halcyon.backend.cuda;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

/// The backend "cuda".
public final class CudaBackendProvider implements BackendProvider {
    /// Makes the provider; [java.util.ServiceLoader] calls this.
    public CudaBackendProvider() {}

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public Availability probe() {
        CudaSettings settings;
        try {
            settings = CudaSettings.of(DeviceOptions.fromSystemProperties());
        } catch (IllegalArgumentException wrong) {
            return new Availability.Unavailable(
                    Availability.Reason.DISABLED,
                    String.valueOf(wrong.getMessage()),
                    "correct or remove the halcyon.cuda* system property",
                    wrong);
        }
        return CudaProbe.ofThisMachine(settings).run();
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        Availability found = probe();
        String detail =
                found instanceof Availability.Unavailable unavailable
                        ? unavailable.describe()
                        : "this version has no kernels for it";
        throw new BackendUnavailableException(
                Failure.of("cuda:" + ordinal, "open", detail, "use the CPU backend"));
    }
}

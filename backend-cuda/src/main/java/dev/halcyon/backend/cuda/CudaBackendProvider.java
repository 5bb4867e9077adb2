package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.CudaSettings.Bindings;
import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.DynamicLibrary;
import dev.halcyon.backend.cuda.driver.FfmDriver;
import dev.halcyon.backend.cuda.driver.JCudaLoading;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

import java.util.LinkedHashMap;
import java.util.Map;

/// The backend "cuda": the GPUs that the NVIDIA driver lists.
public final class CudaBackendProvider implements BackendProvider {
    private static final System.Logger LOGGER =
            System.getLogger(CudaBackendProvider.class.getName());

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
        return probe(DeviceOptions.fromSystemProperties());
    }

    /// {@return what a probe with the properties of these options finds}
    Availability probe(DeviceOptions options) {
        CudaSettings settings;
        try {
            settings = CudaSettings.of(options);
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
        DeviceDescription found = find(ordinal, options);
        CudaSettings settings = CudaSettings.of(options);
        DynamicLibrary library = DriverSearch.find(settings.library()).library();
        if (library == null) {
            throw unavailable(ordinal, "the driver library is gone", "open it again");
        }
        Map<String, String> properties = new LinkedHashMap<>(found.properties());
        properties.remove(DeviceDescription.RESERVATION);
        CudaContext context =
                new CudaContext(bind(ordinal, library, settings.bindings(), properties), ordinal);
        try {
            if (!found.emulated()) {
                LOGGER.log(
                        System.Logger.Level.WARNING,
                        context.device() + ": " + CudaProbe.UNTESTED + "; check its results");
            }
            KernelImages images = KernelImages.load(context);
            properties.put("kernels", images.image());
            DeviceBlas blas =
                    DeviceBlas.open(context, settings.cublasLt(), cudaMajor(properties), ordinal);
            properties.put("cublaslt", blas.name());
            return new CudaDevice(
                    new DeviceDescription(
                            "cuda", ordinal, found.name(), found.emulated(), properties),
                    options,
                    context,
                    images,
                    blas);
        } catch (RuntimeException failed) {
            context.close();
            throw failed;
        }
    }

    private static int cudaMajor(Map<String, String> properties) {
        String version = properties.getOrDefault("cuda", "0.0");
        return Integer.parseInt(version.substring(0, version.indexOf('.')));
    }

    private DeviceDescription find(int ordinal, DeviceOptions options) {
        return switch (probe(options)) {
            case Availability.Unavailable unavailable ->
                    throw unavailable(ordinal, unavailable.detail(), unavailable.remedy());
            case Availability.Available available ->
                    available.devices().stream()
                            .filter(device -> device.ordinal() == ordinal)
                            .findFirst()
                            .orElseThrow(
                                    () ->
                                            unavailable(
                                                    ordinal,
                                                    "there is no such device among "
                                                            + available.devices(),
                                                    "halcyon doctor lists the devices"));
        };
    }

    private static CudaDriver bind(
            int ordinal, DynamicLibrary library, Bindings wanted, Map<String, String> properties) {
        try {
            return bindAll(ordinal, library, wanted, properties);
        } catch (IllegalStateException lacking) {
            throw unavailable(
                    ordinal,
                    String.valueOf(lacking.getMessage()),
                    "update the NVIDIA driver, or name another library with"
                            + " -Dhalcyon.cuda.library=");
        }
    }

    private static CudaDriver bindAll(
            int ordinal, DynamicLibrary library, Bindings wanted, Map<String, String> properties) {
        if (wanted == Bindings.FFM) {
            properties.put("bindings", "ffm");
            return new FfmDriver(library);
        }
        JCudaLoading.Loaded loaded = JCudaLoading.load(library);
        String why = loaded.whyNotJCuda();
        if (wanted == Bindings.JCUDA && !why.isEmpty()) {
            throw unavailable(ordinal, why, "remove -Dhalcyon.cuda.bindings=jcuda");
        }
        properties.put("bindings", why.isEmpty() ? "jcuda" : "ffm (" + why + ")");
        return loaded.driver();
    }

    private static BackendUnavailableException unavailable(
            int ordinal, String detail, String remedy) {
        return new BackendUnavailableException(
                Failure.of("cuda:" + ordinal, "open", detail, remedy));
    }
}

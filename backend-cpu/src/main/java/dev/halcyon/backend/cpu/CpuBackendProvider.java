package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.kernels.CpuKernels;
import dev.halcyon.backend.cpu.loops.Loops;
import dev.halcyon.backend.cpu.memory.LargePages;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.backend.cpu.scalar.ScalarLoops;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.host.HostDevice;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The backend "cpu": one device, the machine's processor.
public final class CpuBackendProvider implements BackendProvider {
    /// Makes the provider; [java.util.ServiceLoader] calls this.
    public CpuBackendProvider() {}

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public Availability probe() {
        CpuSettings settings;
        Isa isa;
        NativeChoice kernels;
        try {
            settings = CpuSettings.of(DeviceOptions.fromSystemProperties());
            isa = chooseIsa(settings);
            kernels = NativeChoice.of(settings, isa);
        } catch (IllegalArgumentException wrong) {
            return new Availability.Unavailable(
                    Availability.Reason.DISABLED,
                    String.valueOf(wrong.getMessage()),
                    "correct or remove the halcyon.cpu.* system property",
                    wrong);
        }
        List<String> notes = new ArrayList<>();
        VectorSupport.absence()
                .ifPresent(why -> notes.add("the scalar variant runs because " + why));
        if (kernels.isUnwanted()) {
            notes.add("there are no native kernels: " + kernels.detail());
        }
        return new Availability.Available(List.of(describe(isa, settings, kernels)), notes);
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        if (ordinal != 0) {
            throw new BackendUnavailableException(
                    Failure.of("cpu:" + ordinal, "open", "there is one CPU device", "open cpu:0"));
        }
        CpuSettings settings = CpuSettings.of(options);
        Isa isa = chooseIsa(settings);
        NativeChoice kernels = NativeChoice.of(settings, isa);
        Loops loops = isa == Isa.SCALAR ? ScalarLoops.create() : VectorSupport.loops(isa);
        WorkerPool pool = new WorkerPool(settings.threads());
        CpuContext context = new CpuContext(pool, loops, kernels.level());
        HostDevice.Builder builder =
                HostDevice.builder(describe(isa, settings, kernels), options)
                        .pages(LargePages.orUsual())
                        .onClose(pool::close);
        CpuKernels.register(builder, context);
        return builder.build();
    }

    private static Isa chooseIsa(CpuSettings settings) {
        Isa widest = VectorSupport.preferredBits().map(Isa::widest).orElse(Isa.SCALAR);
        if (settings.isa().equals("auto")) {
            return widest;
        }
        Isa wanted = Isa.of(settings.isa());
        if (wanted.bits() > widest.bits()) {
            throw new IllegalArgumentException(
                    "halcyon.cpu.isa is "
                            + wanted.label()
                            + ", but "
                            + VectorSupport.absence()
                                    .orElse(
                                            "the widest vectors of this machine have "
                                                    + widest.bits()
                                                    + " bits"));
        }
        return wanted;
    }

    private static DeviceDescription describe(Isa isa, CpuSettings settings, NativeChoice kernels) {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("isa", isa.label());
        properties.put("native", kernels.describe());
        properties.put("threads", Integer.toString(settings.threads()));
        properties.put("arch", System.getProperty("os.arch"));
        return new DeviceDescription("cpu", 0, ProcessorName.read(), false, properties);
    }
}

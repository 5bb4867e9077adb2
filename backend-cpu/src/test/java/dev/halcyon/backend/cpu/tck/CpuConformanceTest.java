package dev.halcyon.backend.cpu.tck;

import dev.halcyon.backend.cpu.CpuBackendProvider;
import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.tck.conformance.BackendConformance;
import dev.halcyon.tck.conformance.ConformanceCase;

/// The whole kit on the processor, in the variant that `-Dhalcyon.cpu.isa` and
/// `-Dhalcyon.cpu.native` name.
///
/// The variants have a report each; a variant that the machine does not have is skipped aloud.
class CpuConformanceTest extends BackendConformance {
    private static final String SCALAR = "scalar";

    private final CpuBackendProvider provider = new CpuBackendProvider();

    @Override
    protected BackendProvider provider() {
        return provider;
    }

    /// Plain Java needs a minute for the 137 GFLOP of one iteration on a matrix of real size.
    @Override
    protected boolean includes(ConformanceCase one) {
        return Boolean.getBoolean("halcyon.thorough")
                || !isa().equals(SCALAR)
                || !one.name().startsWith("MuonStep 2048x7168");
    }

    @Override
    protected String reportName() {
        String kernels = property("native", "none");
        return "cpu-" + isa() + (kernels.startsWith("none") ? "" : "-" + kernels);
    }

    private String isa() {
        return property("isa", SCALAR);
    }

    private String property(String name, String otherwise) {
        return provider.probe() instanceof Availability.Available available
                ? available.devices().getFirst().properties().getOrDefault(name, otherwise)
                : otherwise;
    }
}

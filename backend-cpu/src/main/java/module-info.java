/// The CPU backend. On the module path it needs no flag: resolving the provider resolves the Vector
/// API.
module dev.halcyon.backend.cpu {
    requires dev.halcyon.hal;
    requires jdk.incubator.vector;
    requires static org.jspecify;

    provides dev.halcyon.hal.BackendProvider with
            dev.halcyon.backend.cpu.CpuBackendProvider;
}

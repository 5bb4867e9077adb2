/// The Ascend backend: kernels composed of CANN's operators, called through the foreign function
/// interface alone.
module dev.halcyon.backend.ascend {
    requires dev.halcyon.hal;
    requires static org.jspecify;

    provides dev.halcyon.hal.BackendProvider with
            dev.halcyon.backend.ascend.AscendBackendProvider;
}

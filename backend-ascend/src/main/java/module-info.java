/// The Ascend backend; in this version it finds devices and says what is missing to use them.
module dev.halcyon.backend.ascend {
    requires dev.halcyon.hal;
    requires static org.jspecify;

    provides dev.halcyon.hal.BackendProvider with
            dev.halcyon.backend.ascend.AscendBackendProvider;
}

/// The Cuda backend; in this version it finds devices and says what is missing to use them.
module dev.halcyon.backend.cuda {
    requires dev.halcyon.hal;
    requires static org.jspecify;

    provides dev.halcyon.hal.BackendProvider with
            dev.halcyon.backend.cuda.CudaBackendProvider;
}

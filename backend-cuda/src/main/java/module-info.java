/// The CUDA backend. On the module path its bindings are FFM alone, because JCuda finds its native
/// library only on the class path.
module dev.halcyon.backend.cuda {
    requires dev.halcyon.hal;
    requires static jcuda;
    requires static org.jspecify;

    provides dev.halcyon.hal.BackendProvider with
            dev.halcyon.backend.cuda.CudaBackendProvider;
}

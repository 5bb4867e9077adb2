package dev.halcyon.backend.cuda.tck;

import dev.halcyon.hal.BackendProvider;
import dev.halcyon.tck.conformance.BackendConformance;

/// The whole kit on a GPU, where there is one and `-Dhalcyon.cuda=on` is given; else it is skipped
/// aloud.
class CudaConformanceTest extends BackendConformance {
    @Override
    protected BackendProvider provider() {
        return new GpuProvider();
    }
}

package dev.halcyon.backend.cuda.tck;

import dev.halcyon.hal.BackendProvider;
import dev.halcyon.tck.conformance.BackendConformance;

/// The whole kit on a GPU, where there is one; else it is skipped aloud.
class CudaConformanceTest extends BackendConformance {
    @Override
    protected BackendProvider provider() {
        return new GpuProvider();
    }
}

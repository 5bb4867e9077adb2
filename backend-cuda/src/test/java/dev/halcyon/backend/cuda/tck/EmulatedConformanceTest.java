package dev.halcyon.backend.cuda.tck;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.StubProvider;
import dev.halcyon.backend.cuda.kernels.CudaKernels;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.tck.conformance.BackendConformance;
import dev.halcyon.tck.conformance.ConformanceCase;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// The kit on the stub, as far as there are kernels: host code as it is, and the kernels as a C++
/// compiler sees them.
///
/// It finds mistakes in parameters, indices, masks, reductions and life cycles. It says nothing
/// about a GPU: not whether the device code that nvcc makes is right, nor about races.
class EmulatedConformanceTest extends BackendConformance {
    private static final String NO_SPEC = "Device";

    private static final List<String> LOWERED = List.of("MoeLayer", "SwiGluMlp");

    /// Products of 50 thousand million multiply-adds, which the emulation would add up for minutes.
    private static final String TOO_LARGE = "MuonStep 2048x7168";

    private final Set<String> specs =
            CudaKernels.all(name -> 0).stream()
                    .map(kernel -> kernel.specType().getSimpleName())
                    .collect(Collectors.toSet());

    @Override
    protected BackendProvider provider() {
        StubLibrary.withKernelsOrSkip();
        return new StubProvider();
    }

    /// Hundreds of cases of specs without a kernel would each say aloud that they are declined.
    @Override
    protected boolean includes(ConformanceCase one) {
        return !one.name().startsWith(TOO_LARGE)
                && (one.spec().equals(NO_SPEC)
                        || specs.contains(one.spec())
                        || LOWERED.contains(one.spec()));
    }

    @Override
    protected String reportName() {
        return "cuda-emulated";
    }
}

package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;

/// One thing that every backend is asked to do.
public interface ConformanceCase {
    /// {@return the name, unique among all cases: `Gemm 33x65x130 BF16`}
    String name();

    /// {@return the spec that it is about: `Gemm`}
    String spec();

    /// {@return whether it takes so long that it runs only when full counts are asked for}
    boolean isThorough();

    /// {@return what the device made of it}
    ///
    /// @param seed where its random numbers come from; the same seed gives the same case
    CaseResult run(Device device, long seed);
}

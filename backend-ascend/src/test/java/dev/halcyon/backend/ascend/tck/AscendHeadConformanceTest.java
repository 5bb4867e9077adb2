package dev.halcyon.backend.ascend.tck;

/// The newest CANN that the emulator stands for.
class AscendHeadConformanceTest extends EmulatedConformance {
    AscendHeadConformanceTest() {
        super("head");
    }
}

package dev.halcyon.backend.ascend.tck;

/// CANN 8.1, which lacks the newer fused operators.
class Ascend81ConformanceTest extends EmulatedConformance {
    Ascend81ConformanceTest() {
        super("8.1");
    }
}

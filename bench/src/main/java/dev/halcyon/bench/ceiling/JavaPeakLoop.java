package dev.halcyon.bench.ceiling;

import dev.halcyon.hal.memory.DType;

/// The F32 loop in Java.
///
/// @param loops the loops of this JVM
record JavaPeakLoop(CeilingLoops loops) implements PeakLoop {
    private static final int ROUNDS = 1 << 14;

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public String label() {
        return loops.label();
    }

    @Override
    public double run() {
        return loops.multiplyAdds(ROUNDS);
    }
}

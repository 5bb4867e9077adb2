package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.Loops;

/// The set of plain Java loops.
public final class ScalarLoops {
    private ScalarLoops() {}

    /// {@return the set}
    public static Loops create() {
        return new Loops(
                "scalar",
                new ScalarRowLoops(),
                new ScalarMatrixLoops(),
                new ScalarAttentionLoops());
    }
}

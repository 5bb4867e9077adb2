package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.Loops;
import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Implementation;

/// What every kernel of a device is made with.
///
/// @param pool the worker threads
/// @param loops the inner loops
public record CpuContext(WorkerPool pool, Loops loops) {
    /// {@return the row loops}
    public RowLoops rows() {
        return loops.rows();
    }

    /// {@return the matrix loops}
    public MatrixLoops matrix() {
        return loops.matrix();
    }

    /// {@return the attention loops}
    public AttentionLoops attention() {
        return loops.attention();
    }

    /// {@return the implementation `name` in the variant of these loops}
    public Implementation implementation(String name) {
        return new Implementation(name, loops.label());
    }
}

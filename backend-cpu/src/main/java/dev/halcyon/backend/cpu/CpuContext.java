package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.loops.AttentionLoops;
import dev.halcyon.backend.cpu.loops.Loops;
import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Implementation;

/// What every kernel of a device is made with.
///
/// @param pool the worker threads
/// @param loops the inner loops
/// @param nativeLevel which native kernels run
public record CpuContext(WorkerPool pool, Loops loops, NativeLevel nativeLevel) {
    /// {@return this context with other threads}
    public CpuContext withPool(WorkerPool other) {
        return new CpuContext(other, loops, nativeLevel);
    }

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

    /// {@return the name of the native form of the implementation `name`: `gemm.panel.amx`}
    public String nativeName(String name) {
        return name + "." + nativeLevel.label();
    }

    /// {@return the implementation `name` in the variant of these loops}
    public Implementation implementation(String name) {
        return new Implementation(name, loops.label());
    }
}

package dev.halcyon.backend.cpu.kernels;

/// A thread's stretches of a row, widened to floats: short enough to stay in the first cache, and
/// kept for good, so that launches allocate none.
///
/// A task owns its thread's scratch from start to end; nothing is kept in it between tasks.
final class Scratch {
    /// Elements of a stretch. Reductions add up the stretches' results, so this length is part of
    /// the order of summation.
    static final int LENGTH = 1024;

    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    final float[] a = new float[LENGTH];
    final float[] b = new float[LENGTH];
    final float[] c = new float[LENGTH];
    final float[] d = new float[LENGTH];

    private Scratch() {}

    /// {@return the calling thread's}
    static Scratch get() {
        return OF_THREAD.get();
    }
}

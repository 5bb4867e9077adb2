package dev.halcyon.bench.ceiling;

import dev.halcyon.hal.memory.DType;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/// A loop that does nothing but multiply and add values of one type in registers, as fast as it
/// goes.
///
/// Loops in native code (`vdpbf16ps`, tiles) join by [ServiceLoader]; one whose instructions or
/// library are missing says so with [#isPresent()]. The peak of a type is that of the fastest loop.
///
/// *Threads.* Called from several threads at once.
public interface PeakLoop {
    /// {@return the element type of the factors}
    DType dtype();

    /// {@return a name for the report}
    String label();

    /// {@return whether it runs on this machine}
    boolean isPresent();

    /// Runs for some tens of microseconds.
    ///
    /// @return how many operations that were, a multiply-add counting as two
    double run();

    /// {@return every loop that runs here, Java's F32 loop first}
    static List<PeakLoop> present(CeilingLoops java) {
        List<PeakLoop> loops = new ArrayList<>();
        loops.add(new JavaPeakLoop(java));
        for (PeakLoop loop : ServiceLoader.load(PeakLoop.class)) {
            if (loop.isPresent()) {
                loops.add(loop);
            }
        }
        return List.copyOf(loops);
    }
}

package dev.halcyon.bench.ceiling;

import dev.halcyon.hal.memory.DType;

/// A loop that does nothing but multiply and add values of one type in registers, as fast as it
/// goes.
///
/// The peak of a type is that of the fastest loop.
///
/// *Threads.* Called from several threads at once.
interface PeakLoop {
    /// {@return the element type of the factors}
    DType dtype();

    /// {@return a name for the report}
    String label();

    /// Runs for some tens of microseconds.
    ///
    /// @return how many operations that were, a multiply-add counting as two
    double run();
}

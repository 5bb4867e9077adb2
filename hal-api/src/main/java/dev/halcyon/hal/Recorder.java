package dev.halcyon.hal;

import dev.halcyon.hal.memory.Tensor;

import java.util.List;
import java.util.function.Consumer;

/// Collects what a graph is made of; see [Device#record].
///
/// Nothing runs while recording, and no user code runs inside a native capture: the list is
/// captured afterwards, in one go.
public interface Recorder {
    /// Adds a launch.
    ///
    /// @throws IllegalArgumentException if the launch's plan is not capturable or is of another
    ///   device
    void submit(Launch launch);

    /// Adds a copy between tensors of one type and shape on this device.
    void copy(Tensor destination, Tensor source);

    /// Adds a fill.
    void fill(Tensor destination, double value);

    /// Adds branches that may run side by side; what follows waits for all of them.
    ///
    /// Launches of different branches must not share a workspace or write each other's operands.
    void fork(List<Consumer<Recorder>> branches);
}

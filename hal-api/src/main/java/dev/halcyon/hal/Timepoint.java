package dev.halcyon.hal;

import java.time.Duration;

/// A point in a stream's order: reached once everything submitted before it has finished.
///
/// Immutable and usable from any thread, so that a host can follow a stream without draining it.
public interface Timepoint {
    /// {@return the stream it was taken on}
    Stream stream();

    /// {@return its place in the stream's order; later marks have larger numbers}
    long sequence();

    /// {@return whether everything before it has finished, without waiting}
    boolean reached();

    /// Waits until it is reached.
    ///
    /// @return whether it was reached within `timeout`; work goes on in either case
    /// @throws dev.halcyon.hal.error.DeviceExecutionException if its stream has failed by then
    boolean await(Duration timeout);
}

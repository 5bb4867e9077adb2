package dev.halcyon.hal;

/// A recorded sequence of launches, copies and fills, replayed as one by [Stream#replay].
///
/// It lives in an arena and goes stale with it and with every arena its operands live in. What
/// changes between replays is memory, through step inputs.
public interface Graph {
    /// {@return the device it was recorded on}
    Device device();

    /// {@return the number of launches, copies and fills}
    int size();

    /// {@return whether every captured arena is as it was at recording}
    boolean isAlive();
}

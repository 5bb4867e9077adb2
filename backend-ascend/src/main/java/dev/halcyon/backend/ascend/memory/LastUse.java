package dev.halcyon.backend.ascend.memory;

/// A place in a stream's order behind which something is no longer used.
public interface LastUse {
    /// {@return whether the stream has come past it, without waiting}
    boolean hasPassed();
}

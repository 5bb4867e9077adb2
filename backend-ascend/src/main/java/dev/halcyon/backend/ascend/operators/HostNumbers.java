package dev.halcyon.backend.ascend.operators;

import java.lang.foreign.MemorySegment;

/// The 32-bit numbers of a step input, as the host published them last.
@FunctionalInterface
public interface HostNumbers {
    /// {@return the numbers, for reading}
    ///
    /// @throws IllegalStateException if nothing has been published
    MemorySegment now();
}

package dev.halcyon.checkpoint;

import java.lang.foreign.MemorySegment;

/// Provides the bytes of a tensor while it is being written.
@FunctionalInterface
public interface TensorFiller {
    /// Fills all of `chunk` with the tensor's little-endian, row-major bytes from `firstByte` on.
    ///
    /// Called with rising `firstByte` until the tensor is complete; a chunk holds whole elements
    /// and holds garbage before the call.
    ///
    /// @param chunk where to write; valid during the call only
    /// @param firstByte where in the tensor the chunk begins
    void fill(MemorySegment chunk, long firstByte);
}

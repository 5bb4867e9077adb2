package dev.halcyon.hal.memory;

import java.lang.foreign.MemorySegment;

/// A range of bytes on one device, handed out by a [DeviceArena] and alive until that arena is
/// closed or reset.
///
/// Buffers are implemented by backends. Comparing two buffers means comparing identities.
public interface Buffer {
    /// {@return the arena that owns the bytes}
    DeviceArena arena();

    /// {@return the number of bytes}
    long byteSize();

    /// {@return the device address of the first byte}
    ///
    /// @throws IllegalStateException if the buffer is stale
    long address();

    /// {@return whether [#segment()] is available}
    boolean isHostVisible();

    /// {@return whether kernels may write here; false for mapped files}
    boolean isWritable();

    /// {@return whether the arena has been neither closed nor reset since it handed out this
    /// buffer}
    boolean isAlive();

    /// {@return the bytes, as a segment that dies with the arena}
    ///
    /// A segment taken before `arena.reset()` still points at valid memory afterwards, but that
    /// memory then belongs to somebody else; hold on to the buffer, not to its segment.
    ///
    /// @throws IllegalStateException if the buffer is stale
    /// @throws UnsupportedOperationException if the bytes are not visible to the host
    MemorySegment segment();
}

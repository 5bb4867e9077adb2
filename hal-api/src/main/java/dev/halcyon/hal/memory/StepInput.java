package dev.halcyon.hal.memory;

import java.lang.foreign.MemorySegment;

/// A small tensor whose contents change between two submits of the same launch: lengths, block
/// tables, a learning rate.
///
/// The host writes a version, publishes it on a stream, and later submits and replays on that
/// stream see it:
///
/// ```java
/// MemorySegment version = lengths.next();
/// version.setAtIndex(ValueLayout.JAVA_INT, 0, 17);
/// stream.publish(lengths);
/// stream.replay(step);
/// ```
///
/// Versions live in a ring, so the host may run ahead of the device. A step input belongs to the
/// thread of its arena.
public interface StepInput {
    /// {@return the tensor to name in kernel arguments}
    Tensor tensor();

    /// {@return the host memory of the next version, holding unspecified bytes, as large as the
    /// tensor}
    ///
    /// Waits while every version of the ring is still in flight. Calling it again before `publish`
    /// returns the same version.
    ///
    /// @throws IllegalStateException if the arena is closed or was reset
    MemorySegment next();

    /// {@return the host memory of the version published last, for reading}
    ///
    /// @throws IllegalStateException if nothing has been published
    MemorySegment published();
}

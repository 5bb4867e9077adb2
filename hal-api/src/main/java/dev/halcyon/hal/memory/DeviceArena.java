package dev.halcyon.hal.memory;

import dev.halcyon.hal.Device;

import java.io.IOException;
import java.nio.channels.FileChannel;

/// The only allocator a user sees: memory of one device that is released as a whole.
///
/// | call | effect on what the arena handed out |
/// |---|---|
/// | `reset()` | everything becomes stale at once; the memory is reused once work submitted so far has passed |
/// | `close()` | everything becomes stale at once; the memory is released once work submitted so far has passed |
///
/// Use of anything stale throws [IllegalStateException]; it never touches memory. Neither call
/// waits. A per-step arena that is reset and refilled with the same sizes in the same order
/// allocates no native memory after the first step.
///
/// *Threads.* An arena belongs to one thread at a time; handing it over is the caller's care.
public interface DeviceArena extends AutoCloseable {
    /// {@return the device whose memory this is}
    Device device();

    /// {@return the name given at creation, used in leak reports and messages}
    String label();

    /// {@return a tensor of unspecified contents, contiguous, aligned to 64 bytes}
    ///
    /// @throws dev.halcyon.hal.error.OutOfDeviceMemoryException if the device has no such piece
    ///   left
    /// @throws IllegalStateException if the arena is closed
    Tensor tensor(DType dtype, Shape shape);

    /// {@return a tensor of unspecified contents with extents `dims`}
    default Tensor tensor(DType dtype, long... dims) {
        return tensor(dtype, Shape.of(dims));
    }

    /// {@return a tensor over the bytes of a file, without copying where the device can read host
    /// memory}
    ///
    /// The arena owns the mapping, so closing `channel` is harmless. A device that cannot read host
    /// memory copies. Truncating the file while it is mapped is not survivable on any operating
    /// system; do not.
    ///
    /// @param channel a readable file
    /// @param offset position of the first byte
    /// @throws IllegalArgumentException if the range is outside the file, or its start is not
    ///   aligned to the element size (then read the bytes and `stream.upload` them instead)
    /// @throws IOException if the file cannot be mapped
    Tensor map(FileChannel channel, long offset, DType dtype, Shape shape) throws IOException;

    /// {@return a tensor plus a ring of host versions, for what changes between submits}
    StepInput stepInput(DType dtype, long... dims);

    /// {@return the number of bytes handed out since the last reset, alignment included}
    long bytesInUse();

    /// {@return the number of bytes of native memory the arena holds}
    long bytesReserved();

    /// {@return a number that changes with every reset and with close; equal numbers mean nothing
    /// went stale between}
    long epoch();

    /// {@return whether the arena is open}
    boolean isAlive();

    /// Makes everything handed out stale and keeps the memory for reuse.
    ///
    /// @throws IllegalStateException if the arena is closed
    void reset();

    /// Makes everything handed out stale and releases the memory; closing twice has no effect.
    @Override
    void close();
}

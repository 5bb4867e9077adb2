package dev.halcyon.backend.cuda;

import dev.halcyon.hal.memory.Buffer;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// A range of an arena's memory.
final class CudaBuffer implements Buffer {
    private final CudaArena arena;
    private final long epoch;
    private final long address;
    private final long bytes;
    private final boolean writable;
    private final @Nullable MemorySegment view;

    /// @param view the bytes, if the host sees them
    CudaBuffer(
            CudaArena arena,
            long address,
            long bytes,
            boolean writable,
            @Nullable MemorySegment view) {
        this.arena = arena;
        this.epoch = arena.epoch();
        this.address = address;
        this.bytes = bytes;
        this.writable = writable;
        this.view = view;
    }

    @Override
    public CudaArena arena() {
        return arena;
    }

    /// Keeps the memory for work of a stream until [#leave()].
    ///
    /// @throws IllegalStateException if the buffer is stale
    void enter(CudaStream stream) {
        if (!arena.enter(epoch, stream)) {
            throw stale();
        }
    }

    /// Ends what [#enter] began.
    void leave() {
        arena.leave(epoch);
    }

    @Override
    public long byteSize() {
        return bytes;
    }

    @Override
    public long address() {
        if (!isAlive()) {
            throw stale();
        }
        return address;
    }

    @Override
    public boolean isHostVisible() {
        return view != null;
    }

    @Override
    public boolean isWritable() {
        return writable;
    }

    @Override
    public boolean isAlive() {
        return arena.epoch() == epoch;
    }

    @Override
    public MemorySegment segment() {
        if (!isAlive()) {
            throw stale();
        }
        MemorySegment visible = view;
        if (visible == null) {
            throw new UnsupportedOperationException(
                    "memory of arena \""
                            + arena.label()
                            + "\" is on "
                            + arena.device().description().id()
                            + ", where the host does not see it; use stream.download, or"
                            + " device.hostArena for memory that both see");
        }
        return writable ? visible : visible.asReadOnly();
    }

    private IllegalStateException stale() {
        return new IllegalStateException(
                "memory of arena \""
                        + arena.label()
                        + "\" is stale: the arena was closed or reset after the tensor was made;"
                        + " make it again");
    }
}

package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.Buffer;

import java.lang.foreign.MemorySegment;

/// A range of an arena's host memory.
final class HostBuffer implements Buffer {
    private final HostArena arena;
    private final long epoch;
    private final MemorySegment segment;

    HostBuffer(HostArena arena, MemorySegment segment) {
        this.arena = arena;
        this.epoch = arena.epoch();
        this.segment = segment;
    }

    @Override
    public HostArena arena() {
        return arena;
    }

    /// Keeps the memory from being reused or released until [#leave()].
    ///
    /// @throws IllegalStateException if the buffer is stale
    void enter() {
        if (!arena.enter(epoch)) {
            throw stale();
        }
    }

    /// Ends what [#enter()] began.
    void leave() {
        arena.leave(epoch);
    }

    @Override
    public long byteSize() {
        return segment.byteSize();
    }

    @Override
    public long address() {
        return segment().address();
    }

    @Override
    public boolean isHostVisible() {
        return true;
    }

    @Override
    public boolean isWritable() {
        return !segment.isReadOnly();
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
        return segment;
    }

    private IllegalStateException stale() {
        return new IllegalStateException(
                "memory of arena \""
                        + arena.label()
                        + "\" is stale: the arena was closed or reset after the tensor was made;"
                        + " make it again");
    }
}

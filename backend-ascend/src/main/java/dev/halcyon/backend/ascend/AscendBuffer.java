package dev.halcyon.backend.ascend;

import dev.halcyon.hal.memory.Buffer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A range of an arena's memory, on the device or pinned on the host.
final class AscendBuffer implements Buffer {
    private final AscendArena arena;
    private final long epoch;
    private final long address;
    private final long bytes;
    private final boolean writable;

    AscendBuffer(AscendArena arena, long address, long bytes, boolean writable) {
        this.arena = arena;
        this.epoch = arena.epoch();
        this.address = address;
        this.bytes = bytes;
        this.writable = writable;
    }

    @Override
    public AscendArena arena() {
        return arena;
    }

    long epoch() {
        return epoch;
    }

    @Override
    public long byteSize() {
        return bytes;
    }

    @Override
    public long address() {
        requireAlive();
        return address;
    }

    @Override
    public boolean isHostVisible() {
        return arena.isHost();
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
        requireAlive();
        Arena life = arena.hostLife();
        if (life == null) {
            throw new UnsupportedOperationException(
                    "memory of arena \""
                            + arena.label()
                            + "\" is on the device, where the host cannot look; use stream.download"
                            + " or an arena of hostArena()");
        }
        return MemorySegment.ofAddress(address).reinterpret(bytes, life, null);
    }

    private void requireAlive() {
        if (!isAlive()) {
            throw stale();
        }
    }

    IllegalStateException stale() {
        return new IllegalStateException(
                "memory of arena \""
                        + arena.label()
                        + "\" is stale: the arena was closed or reset after the tensor was made;"
                        + " make it again");
    }
}

package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.backend.ascend.operators.HostNumbers;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/// A device tensor and a ring of pinned host versions; publishing queues the copy of the version
/// written last.
final class AscendStepInput implements StepInput {
    private static final int VERSIONS = 4;
    private static final long POLL_NANOS = 20_000;

    private final Tensor tensor;
    private final AscendDevice device;
    private final List<Block> versions = new ArrayList<>();
    private final @Nullable LastUse[] uses = new LastUse[VERSIONS];
    private int prepared = -1;
    private int published = -1;
    private int next;

    AscendStepInput(Tensor tensor, AscendDevice device) {
        this.tensor = tensor;
        this.device = device;
        for (int i = 0; i < VERSIONS; i++) {
            versions.add(device.pinned().take(tensor.byteSize()));
        }
    }

    @Override
    public Tensor tensor() {
        return tensor;
    }

    @Override
    public synchronized MemorySegment next() {
        requireAlive();
        if (prepared < 0) {
            prepared = next == published ? (next + 1) % VERSIONS : next;
            LastUse use = uses[prepared];
            while (use != null && !use.hasPassed()) {
                LockSupport.parkNanos(this, POLL_NANOS);
            }
            uses[prepared] = null;
        }
        return segment(prepared);
    }

    @Override
    public synchronized MemorySegment published() {
        requireAlive();
        if (published < 0) {
            throw new IllegalStateException(
                    "nothing has been published; write next() and call stream.publish");
        }
        return segment(published).asReadOnly();
    }

    /// {@return whether the bytes of a tensor are some of its own}
    boolean covers(Tensor other) {
        long first = other.address() - tensor.address();
        return first >= 0 && first + other.byteSize() <= tensor.byteSize();
    }

    /// {@return what the host knows of a tensor that it covers}
    HostNumbers numbers(Tensor other) {
        long first = other.address() - tensor.address();
        long bytes = other.byteSize();
        return () -> published().asSlice(first, bytes);
    }

    private MemorySegment segment(int version) {
        return MemorySegment.ofAddress(versions.get(version).address())
                .reinterpret(tensor.byteSize());
    }

    private void requireAlive() {
        if (!tensor.isAlive()) {
            throw ((AscendBuffer) tensor.buffer()).stale();
        }
    }

    /// {@return the address of the version to publish}
    ///
    /// @throws IllegalStateException if none was written since the last one
    synchronized long address() {
        requireAlive();
        if (prepared < 0) {
            throw new IllegalStateException(
                    "publish without a new version; call next() and write it first");
        }
        return versions.get(prepared).address();
    }

    /// Notes that the copy of the version was queued.
    synchronized void published(LastUse use) {
        uses[prepared] = use;
        published = prepared;
        next = (prepared + 1) % VERSIONS;
        prepared = -1;
    }

    /// Gives the versions back, at the end of the arena's epoch.
    synchronized void release() {
        for (int i = 0; i < VERSIONS; i++) {
            LastUse use = uses[i];
            device.pinned().give(versions.get(i), use == null ? List.of() : List.of(use));
        }
    }
}

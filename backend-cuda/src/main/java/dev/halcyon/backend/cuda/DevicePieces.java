package dev.halcyon.backend.cuda;

import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.event.ArenaEvent;

import java.util.ArrayDeque;
import java.util.Deque;

/// Takes memory from the driver for the arenas of one device, and keeps the account.
///
/// Small pieces of one size are kept for the next arena; large ones go back at once, so that others
/// can have them.
///
/// *Threads.* Usable from any thread.
final class DevicePieces {
    /// Small tensors share pieces of this size.
    static final long SLAB_BYTES = 4L << 20;

    private static final long LARGE_UNIT = 512;
    private static final ArenaEvent EVENT = new ArenaEvent();

    /// A piece of memory.
    ///
    /// @param address where it begins, on the device and, if pinned, on the host
    /// @param bytes its size
    /// @param pinned whether it is host memory
    record Piece(long address, long bytes, boolean pinned) {}

    private final CudaContext context;
    private final DeviceHeap heap;
    private final Runnable reclaim;
    private final Deque<Piece> slabs = new ArrayDeque<>();
    private final Deque<Piece> pinnedSlabs = new ArrayDeque<>();
    private long reserved;
    private long peakReserved;

    /// @param reclaim waits for memory that arenas have given up and brings it back here
    DevicePieces(CudaContext context, DeviceHeap heap, Runnable reclaim) {
        this.context = context;
        this.heap = heap;
        this.reclaim = reclaim;
    }

    /// {@return a piece of at least that size}
    ///
    /// @param label of the arena that wants it
    Piece take(long bytes, boolean pinned, String label) {
        long size = bytes <= SLAB_BYTES ? SLAB_BYTES : Math.ceilDiv(bytes, LARGE_UNIT) * LARGE_UNIT;
        synchronized (this) {
            Piece pooled = size == SLAB_BYTES ? pool(pinned).poll() : null;
            if (pooled != null) {
                return pooled;
            }
        }
        Piece fresh = allocate(size, pinned, label);
        long held;
        synchronized (this) {
            reserved += size;
            peakReserved = Math.max(peakReserved, reserved);
            held = reserved;
        }
        if (EVENT.isEnabled()) {
            ArenaEvent event = new ArenaEvent();
            event.device = context.device();
            event.label = label;
            event.bytes = size;
            event.reservedBytes = held;
            event.commit();
        }
        return fresh;
    }

    private Deque<Piece> pool(boolean pinned) {
        return pinned ? pinnedSlabs : slabs;
    }

    private Piece allocate(long bytes, boolean pinned, String label) {
        try {
            return allocateOnce(bytes, pinned, label);
        } catch (OutOfDeviceMemoryException full) {
            reclaim.run();
            trim();
            return allocateOnce(bytes, pinned, label);
        }
    }

    private Piece allocateOnce(long bytes, boolean pinned, String label) {
        long address =
                context.ask(
                        "allocate " + bytes + " bytes in arena \"" + label + "\"",
                        driver ->
                                pinned
                                        ? driver.allocatePinned(bytes)
                                        : heap.allocate(driver, bytes));
        return new Piece(address, bytes, pinned);
    }

    /// Takes a piece back that no work uses any more.
    void give(Piece piece) {
        if (piece.bytes() == SLAB_BYTES) {
            synchronized (this) {
                pool(piece.pinned()).push(piece);
            }
        } else {
            free(piece);
        }
    }

    private void free(Piece piece) {
        synchronized (this) {
            reserved -= piece.bytes();
        }
        context.release(
                driver -> {
                    if (piece.pinned()) {
                        driver.freePinned(piece.address());
                    } else {
                        heap.free(driver, piece.address());
                    }
                });
    }

    /// Gives everything that is kept back to the driver.
    void trim() {
        while (true) {
            Piece next;
            synchronized (this) {
                next = slabs.isEmpty() ? pinnedSlabs.poll() : slabs.poll();
            }
            if (next == null) {
                heap.trim();
                return;
            }
            free(next);
        }
    }

    synchronized long reserved() {
        return reserved;
    }

    synchronized long peakReserved() {
        return peakReserved;
    }
}

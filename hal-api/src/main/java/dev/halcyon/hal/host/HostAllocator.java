package dev.halcyon.hal.host;

import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.event.ArenaEvent;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Takes native memory from the operating system for the arenas of one device, and keeps the
/// account.
final class HostAllocator {
    private static final ArenaEvent EVENT = new ArenaEvent();

    private static final long REGION_UNIT = 2L << 20;

    private final String device;
    private final HostPages pages;
    private long reserved;
    private long peakReserved;

    HostAllocator(String device, HostPages pages) {
        this.device = device;
        this.pages = pages;
    }

    /// {@return memory that lives as long as `arena`}
    ///
    /// @param label of the arena that wants it
    /// @throws OutOfDeviceMemoryException if there is none left
    MemorySegment allocate(Arena arena, long bytes, long alignment, String label) {
        MemorySegment segment;
        try {
            segment = arena.allocate(bytes, alignment);
        } catch (OutOfMemoryError exhausted) {
            throw outOfMemory(label, bytes + " bytes", exhausted);
        }
        take(bytes, label);
        return segment;
    }

    /// {@return a region to put large tensors into, or null if the device has no such memory; what
    /// is taken from it is to be reported to [#take]}
    @Nullable MemorySegment reserveRegion(Arena arena, long bytes) {
        if (bytes > Long.MAX_VALUE - REGION_UNIT) {
            return null;
        }
        return pages.reserve(arena, Math.ceilDiv(bytes, REGION_UNIT) * REGION_UNIT).orElse(null);
    }

    /// Puts memory on the account.
    void take(long bytes, String label) {
        long held = account(bytes);
        if (EVENT.isEnabled()) {
            ArenaEvent event = new ArenaEvent();
            event.device = device;
            event.label = label;
            event.bytes = bytes;
            event.reservedBytes = held;
            event.commit();
        }
    }

    private synchronized long account(long bytes) {
        reserved += bytes;
        peakReserved = Math.max(peakReserved, reserved);
        return reserved;
    }

    synchronized void released(long bytes) {
        reserved -= bytes;
    }

    synchronized long reserved() {
        return reserved;
    }

    synchronized long peakReserved() {
        return peakReserved;
    }

    OutOfDeviceMemoryException outOfMemory(String label, String wanted, @Nullable Throwable cause) {
        return new OutOfDeviceMemoryException(
                Failure.of(
                        device,
                        "allocate in arena \"" + label + "\"",
                        "the operating system has no " + wanted + " left",
                        "close arenas, or plan with smaller bounds; counters().bytesReserved() says"
                                + " what is held"),
                cause);
    }
}

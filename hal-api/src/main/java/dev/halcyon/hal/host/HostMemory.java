package dev.halcyon.hal.host;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/// The native memory behind one or more epochs of a [HostArena], with the count of work that is
/// using it; the arena guards every call.
///
/// Native memory is kept over a reset; file mappings are not. When the arena gives it up while work
/// is in flight, the last piece of work releases it.
final class HostMemory {
    /// Small tensors share slabs of this size; closing a shared FFM arena costs over 100 us, so
    /// there is one for all.
    private static final long SLAB_BYTES = 1 << 20;

    /// From this size on a tensor has a native piece of its own, found again by its size after a
    /// reset.
    private static final long LARGE_BYTES = SLAB_BYTES / 4;

    /// From this size on a tensor lies in large pages, if the device has them. Smaller ones are
    /// read from a cache, or once.
    private static final long PAGED_BYTES = 2L << 20;

    /// Large pages are reserved in regions, so that neighbours share a page, and a model of ten
    /// thousands of weights does not run out of mappings.
    private static final long REGION_BYTES = 64L << 20;

    private static final long ALIGNMENT = 64;

    private final HostAllocator allocator;
    private final String label;
    private final Arena nativeArena = Arena.ofShared();
    private final List<MemorySegment> slabs = new ArrayList<>();
    private final List<MemorySegment> large = new ArrayList<>();
    private final NavigableMap<Long, Deque<MemorySegment>> freeLarge = new TreeMap<>();
    private Arena mapArena = Arena.ofShared();
    private boolean mapped;
    private @Nullable MemorySegment region;
    private long regionUsed;
    private int slab;
    private long used;
    private long bytesInUse;
    private long peakBytesInUse;
    private long reserved;
    private int inFlight;
    private boolean abandoned;

    HostMemory(HostAllocator allocator, String label) {
        this.allocator = allocator;
        this.label = label;
    }

    MemorySegment allocate(long bytes) {
        if (bytes > Long.MAX_VALUE - ALIGNMENT) {
            throw allocator.outOfMemory(label, bytes + " bytes", null);
        }
        long size = Math.max(ALIGNMENT, Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT);
        MemorySegment piece = size < LARGE_BYTES ? allocateInSlab(size) : allocateLarge(size);
        bytesInUse += size;
        peakBytesInUse = Math.max(peakBytesInUse, bytesInUse);
        return piece.asSlice(0, bytes);
    }

    private MemorySegment allocateInSlab(long size) {
        if (slab < slabs.size() && SLAB_BYTES - used < size) {
            slab++;
            used = 0;
        }
        if (slab == slabs.size()) {
            slabs.add(reserve(SLAB_BYTES));
        }
        MemorySegment piece = slabs.get(slab).asSlice(used, size);
        used += size;
        return piece;
    }

    /// The best fit, so that the same sizes find the same pieces in whatever order they are asked
    /// for.
    private MemorySegment allocateLarge(long size) {
        var fit = freeLarge.ceilingEntry(size);
        if (fit == null) {
            MemorySegment paged = size < PAGED_BYTES ? null : allocatePaged(size);
            MemorySegment fresh = paged == null ? reserve(size) : paged;
            large.add(fresh);
            return fresh;
        }
        MemorySegment piece = fit.getValue().pop();
        if (fit.getValue().isEmpty()) {
            freeLarge.remove(fit.getKey());
        }
        return piece;
    }

    /// {@return memory in large pages, or null if there is none}
    private @Nullable MemorySegment allocatePaged(long size) {
        MemorySegment from = region;
        if (from == null || from.byteSize() - regionUsed < size) {
            from = allocator.reserveRegion(nativeArena, Math.max(REGION_BYTES, size));
            if (from == null) {
                return null;
            }
            region = from;
            regionUsed = 0;
        }
        MemorySegment piece = from.asSlice(regionUsed, size);
        regionUsed += size;
        reserved += size;
        allocator.take(size, label);
        return piece;
    }

    private MemorySegment reserve(long bytes) {
        MemorySegment fresh = allocator.allocate(nativeArena, bytes, ALIGNMENT, label);
        reserved += bytes;
        return fresh;
    }

    MemorySegment map(FileChannel channel, long offset, long bytes) throws IOException {
        MemorySegment segment = channel.map(FileChannel.MapMode.READ_ONLY, offset, bytes, mapArena);
        mapped = true;
        return segment;
    }

    long bytesInUse() {
        return bytesInUse;
    }

    long reserved() {
        return reserved;
    }

    /// {@return whether most of it would lie idle even at the time of its greatest use}
    ///
    /// Sizes that change from step to step leave pieces behind that fit nothing any more.
    boolean isWasteful() {
        return reserved > 2 * peakBytesInUse + SLAB_BYTES;
    }

    boolean isIdle() {
        return inFlight == 0;
    }

    /// Makes all of it free again; nothing may be in flight.
    void reset() {
        slab = 0;
        used = 0;
        bytesInUse = 0;
        freeLarge.clear();
        for (MemorySegment piece : large) {
            freeLarge.computeIfAbsent(piece.byteSize(), size -> new ArrayDeque<>()).push(piece);
        }
        if (mapped) {
            mapArena.close();
            mapArena = Arena.ofShared();
            mapped = false;
        }
    }

    /// Releases it now, or when the work in flight has passed.
    void abandon() {
        abandoned = true;
        releaseIfIdle();
    }

    void enter() {
        inFlight++;
    }

    void leave() {
        inFlight--;
        releaseIfIdle();
    }

    private void releaseIfIdle() {
        if (abandoned && inFlight == 0 && nativeArena.scope().isAlive()) {
            nativeArena.close();
            mapArena.close();
            allocator.released(reserved);
        }
    }
}

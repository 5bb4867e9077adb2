package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.DevicePieces.Piece;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/// The memory behind the epochs of a [CudaArena], and which streams have used it; the arena guards
/// every call.
///
/// Device memory may be handed out again at once after a reset, although work on it is still under
/// way: a stream that uses it next first waits, on the device, for the marks that the reset set on
/// the streams that used it before. Pinned memory may not, because the host would write into it.
final class ArenaMemory {
    private static final long ALIGNMENT = 256;

    /// From this size on a tensor has a piece of its own, found again by its size after a reset.
    private static final long LARGE_BYTES = DevicePieces.SLAB_BYTES / 4;

    private final CudaContext context;
    private final DevicePieces pieces;
    private final String label;
    private final boolean pinned;
    private final Arena views = Arena.ofShared();
    private final List<Piece> slabs = new ArrayList<>();
    private final List<Piece> large = new ArrayList<>();
    private final NavigableMap<Long, Deque<Piece>> freeLarge = new TreeMap<>();
    private final List<CudaStream> users = new ArrayList<>();
    private final List<CudaStream> waited = new ArrayList<>();
    private final List<Runnable> attached = new ArrayList<>();
    private StreamMarks marks;
    private int slab;
    private long used;
    private long bytesInUse;
    private long reserved;
    private int inFlight;

    ArenaMemory(CudaContext context, DevicePieces pieces, String label, boolean pinned) {
        this.context = context;
        this.pieces = pieces;
        this.label = label;
        this.pinned = pinned;
        this.marks = new StreamMarks(context);
    }

    boolean isPinned() {
        return pinned;
    }

    /// {@return the address of that many bytes, which nobody else has}
    long allocate(long bytes) {
        long size = Math.max(ALIGNMENT, Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT);
        long address = size < LARGE_BYTES ? allocateInSlab(size) : allocateLarge(size);
        bytesInUse += size;
        return address;
    }

    private long allocateInSlab(long size) {
        if (slab < slabs.size() && DevicePieces.SLAB_BYTES - used < size) {
            slab++;
            used = 0;
        }
        if (slab == slabs.size()) {
            slabs.add(reserve(DevicePieces.SLAB_BYTES));
        }
        long address = slabs.get(slab).address() + used;
        used += size;
        return address;
    }

    /// The best fit, so that the same sizes find the same pieces in whatever order they are asked
    /// for.
    private long allocateLarge(long size) {
        var fit = freeLarge.ceilingEntry(size);
        if (fit == null) {
            Piece fresh = reserve(size);
            large.add(fresh);
            return fresh.address();
        }
        Piece piece = fit.getValue().pop();
        if (fit.getValue().isEmpty()) {
            freeLarge.remove(fit.getKey());
        }
        return piece.address();
    }

    private Piece reserve(long bytes) {
        Piece fresh = pieces.take(bytes, pinned, label);
        reserved += fresh.bytes();
        return fresh;
    }

    /// {@return pinned memory as a segment that dies with this memory}
    MemorySegment view(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes, views, null);
    }

    /// Does something once no work uses this memory any more.
    void attach(Runnable atEnd) {
        attached.add(atEnd);
    }

    long bytesInUse() {
        return bytesInUse;
    }

    long reserved() {
        return reserved;
    }

    boolean isInFlight() {
        return inFlight > 0;
    }

    /// Work of a stream is about to be submitted.
    void enter(CudaStream stream) {
        if (!users.contains(stream)) {
            users.add(stream);
            if (!marks.isEmpty() && !waited.contains(stream)) {
                marks.holdBack(stream);
                waited.add(stream);
            }
        }
        inFlight++;
    }

    /// The work has been submitted.
    void leave() {
        inFlight--;
    }

    /// {@return whether it can be handed out again now; it then is free}
    boolean reset() {
        StreamMarks all = marks.and(users);
        users.clear();
        waited.clear();
        marks = all;
        boolean passed = all.havePassed();
        if (pinned && !passed || !attached.isEmpty()) {
            return false;
        }
        slab = 0;
        used = 0;
        bytesInUse = 0;
        freeLarge.clear();
        for (Piece piece : large) {
            freeLarge.computeIfAbsent(piece.bytes(), size -> new ArrayDeque<>()).push(piece);
        }
        return true;
    }

    /// Gives it up: what is to be done once the marks have been passed.
    PendingReleases.Release abandon() {
        return new PendingReleases.Release(marks.and(users), this::release);
    }

    private void release() {
        attached.forEach(Runnable::run);
        views.close();
        slabs.forEach(pieces::give);
        large.forEach(pieces::give);
    }
}

package dev.halcyon.hal.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/// The native memory behind one life of a [HostArena], with the count of work that is using it.
///
/// Slabs are kept over a reset; file mappings are not. When the arena gives it up while work is in flight, the last
/// piece of work releases it.
final class HostMemory {
    /// Small tensors share slabs of this size; closing a shared FFM arena costs over 100 us, so there is one for all.
    private static final long SLAB_BYTES = 1 << 20;

    private static final long ALIGNMENT = 64;

    private final HostDevice device;
    private final String label;
    private final Arena slabArena = Arena.ofShared();
    private final List<MemorySegment> slabs = new ArrayList<>();
    private Arena mapArena;
    private boolean mapped;
    private int slab;
    private long used;
    private long bytesInUse;
    private long reserved;
    private int inFlight;
    private boolean abandoned;

    HostMemory(HostDevice device, String label) {
        this.device = device;
        this.label = label;
        this.mapArena = Arena.ofShared();
    }

    synchronized MemorySegment allocate(long bytes) {
        long size = Math.max(ALIGNMENT, Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT);
        while (slab < slabs.size()) {
            MemorySegment current = slabs.get(slab);
            if (current.byteSize() - used >= size) {
                MemorySegment piece = current.asSlice(used, bytes);
                used += size;
                bytesInUse += size;
                return piece;
            }
            slab++;
            used = 0;
        }
        long slabBytes = Math.max(SLAB_BYTES, size);
        MemorySegment fresh = device.allocate(slabArena, slabBytes, ALIGNMENT, label);
        reserved += slabBytes;
        slabs.add(fresh);
        slab = slabs.size() - 1;
        used = size;
        bytesInUse += size;
        return fresh.asSlice(0, bytes);
    }

    synchronized MemorySegment map(FileChannel channel, long offset, long bytes) throws IOException {
        mapped = true;
        return channel.map(FileChannel.MapMode.READ_ONLY, offset, bytes, mapArena);
    }

    synchronized long bytesInUse() {
        return bytesInUse;
    }

    synchronized long reserved() {
        return reserved;
    }

    /// {@return whether it can be reused at once; if not, the arena must take another}
    synchronized boolean reset() {
        if (inFlight > 0) {
            return false;
        }
        slab = 0;
        used = 0;
        bytesInUse = 0;
        if (mapped) {
            mapArena.close();
            mapArena = Arena.ofShared();
            mapped = false;
        }
        return true;
    }

    /// Releases it now, or when the work in flight has passed.
    synchronized void abandon() {
        abandoned = true;
        releaseIfIdle();
    }

    synchronized void enter() {
        inFlight++;
    }

    synchronized void leave() {
        inFlight--;
        releaseIfIdle();
    }

    private void releaseIfIdle() {
        if (abandoned && inFlight == 0 && slabArena.scope().isAlive()) {
            slabArena.close();
            mapArena.close();
            device.released(reserved);
        }
    }
}

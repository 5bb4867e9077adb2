package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.BlockPool;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/// The native memory behind one or more epochs of an arena: slabs for small tensors, a block each
/// for large ones; the arena guards every call.
final class ArenaBlocks {
    private static final long SLAB_BYTES = 1 << 20;
    private static final long LARGE_BYTES = SLAB_BYTES / 4;
    private static final long ALIGNMENT = 64;

    /// Room behind a piece's data that CANN asks for.
    private static final long PADDING = 32;

    private final BlockPool pool;
    private final List<Block> slabs = new ArrayList<>();
    private final List<Block> large = new ArrayList<>();
    private final NavigableMap<Long, Deque<Block>> freeLarge = new TreeMap<>();
    private int slab;
    private long used;
    private long bytesInUse;
    private long peakBytesInUse;
    private long reserved;

    ArenaBlocks(BlockPool pool) {
        this.pool = pool;
    }

    /// {@return the address of a new piece}
    long allocate(long bytes) {
        long size = Math.ceilDiv(Math.addExact(bytes, PADDING), ALIGNMENT) * ALIGNMENT;
        long address = size < LARGE_BYTES ? inSlab(size) : large(size);
        bytesInUse += size;
        peakBytesInUse = Math.max(peakBytesInUse, bytesInUse);
        return address;
    }

    private long inSlab(long size) {
        if (slab < slabs.size() && SLAB_BYTES - used < size) {
            slab++;
            used = 0;
        }
        if (slab == slabs.size()) {
            slabs.add(take(SLAB_BYTES));
        }
        long address = slabs.get(slab).address() + used;
        used += size;
        return address;
    }

    private long large(long size) {
        var fit = freeLarge.ceilingEntry(size);
        if (fit == null) {
            Block fresh = take(size);
            large.add(fresh);
            return fresh.address();
        }
        Block piece = fit.getValue().pop();
        if (fit.getValue().isEmpty()) {
            freeLarge.remove(fit.getKey());
        }
        return piece.address();
    }

    private Block take(long bytes) {
        Block block = pool.take(bytes);
        reserved += block.bytes();
        return block;
    }

    long bytesInUse() {
        return bytesInUse;
    }

    long reserved() {
        return reserved;
    }

    /// {@return whether most of it would lie idle even at the time of its greatest use}
    boolean isWasteful() {
        return reserved > 2 * peakBytesInUse + 2 * SLAB_BYTES;
    }

    /// {@return every block}
    List<Block> blocks() {
        List<Block> all = new ArrayList<>(slabs);
        all.addAll(large);
        return all;
    }

    /// Makes all of it free again; nothing may use it.
    void reset() {
        slab = 0;
        used = 0;
        bytesInUse = 0;
        freeLarge.clear();
        for (Block piece : large) {
            freeLarge.computeIfAbsent(piece.bytes(), size -> new ArrayDeque<>()).push(piece);
        }
    }
}

package dev.halcyon.backend.ascend.memory;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/// Keeps native memory of one kind between arenas.
///
/// Native calls to allocate are slow and to free are dangerous: older versions of CANN free memory
/// under running work. So a block that is given back waits here until its last uses have passed,
/// and is then kept for the next that wants one of its size. Usable from any thread.
public final class BlockPool {
    /// Blocks are of whole multiples of this.
    private static final long GRANULARITY = 64 * 1024;

    /// Room behind the data that CANN asks for.
    private static final long PADDING = 32;

    /// What is kept unused before blocks go back to the device.
    private static final long MOST_IDLE_BYTES = 512L << 20;

    private final NativeMemory memory;
    private final NavigableMap<Long, Deque<Block>> idle = new TreeMap<>();
    private final List<Pending> pending = new ArrayList<>();
    private long idleBytes;

    private record Pending(Block block, List<? extends LastUse> uses) {
        boolean hasPassed() {
            for (LastUse use : uses) {
                if (!use.hasPassed()) {
                    return false;
                }
            }
            return true;
        }
    }

    /// Where blocks come from.
    public interface NativeMemory {
        /// {@return a new block}
        ///
        /// @throws dev.halcyon.hal.error.OutOfDeviceMemoryException if there is none
        Block allocate(long bytes);

        /// Frees a block that nothing uses.
        void free(Block block);
    }

    /// Makes an empty pool.
    public BlockPool(NativeMemory memory) {
        this.memory = memory;
    }

    /// {@return a block of at least `bytes`, at most a quarter of it idle}
    ///
    /// @throws dev.halcyon.hal.error.OutOfDeviceMemoryException if there is none
    public synchronized Block take(long bytes) {
        long size = Math.ceilDiv(bytes + PADDING, GRANULARITY) * GRANULARITY;
        collect();
        var fit = idle.ceilingEntry(size);
        if (fit != null && fit.getKey() <= size + size / 4) {
            Block block = fit.getValue().pop();
            if (fit.getValue().isEmpty()) {
                idle.remove(fit.getKey());
            }
            idleBytes -= block.bytes();
            return block;
        }
        try {
            return memory.allocate(size);
        } catch (dev.halcyon.hal.error.OutOfDeviceMemoryException full) {
            if (idleBytes == 0) {
                throw full;
            }
            trim(0);
            return memory.allocate(size);
        }
    }

    /// Takes a block back, to be used again once `uses` have passed.
    public synchronized void give(Block block, List<? extends LastUse> uses) {
        pending.add(new Pending(block, List.copyOf(uses)));
        collect();
    }

    private void collect() {
        pending.removeIf(
                one -> {
                    if (!one.hasPassed()) {
                        return false;
                    }
                    idle.computeIfAbsent(one.block().bytes(), size -> new ArrayDeque<>())
                            .push(one.block());
                    idleBytes += one.block().bytes();
                    return true;
                });
        if (idleBytes > MOST_IDLE_BYTES) {
            trim(MOST_IDLE_BYTES / 2);
        }
    }

    /// The largest first: they are the least likely to be wanted again.
    private void trim(long most) {
        while (idleBytes > most && !idle.isEmpty()) {
            var largest = idle.lastEntry();
            Block block = largest.getValue().pop();
            if (largest.getValue().isEmpty()) {
                idle.remove(largest.getKey());
            }
            idleBytes -= block.bytes();
            memory.free(block);
        }
    }

    /// Frees everything; all work must have passed.
    public synchronized void close() {
        pending.forEach(one -> memory.free(one.block()));
        pending.clear();
        trim(0);
    }
}

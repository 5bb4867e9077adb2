package dev.halcyon.bench.ceiling;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/// Bytes a second read from memory that no cache holds.
final class ReadBandwidth {
    private static final long BLOCK = 1 << 20;
    private static final long LEAST_BYTES = 256L << 20;

    private ReadBandwidth() {}

    /// Reads with every thread at once, each walking its own part of a segment twice the last-level cache, at most a
    /// quarter of the memory.
    static double measure(int threads, CeilingLoops loops) {
        long wanted = Math.max(LEAST_BYTES, 2 * MachineMemory.lastLevelCacheBytes());
        long bytes = Math.min(wanted, MachineMemory.physicalBytes() / 4) / (BLOCK * threads) * BLOCK * threads;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(bytes, 64);
            memory.fill((byte) 1);
            long part = bytes / threads;
            AtomicInteger nextThread = new AtomicInteger();
            ThreadLocal<long[]> position = ThreadLocal.withInitial(
                    () -> new long[] {nextThread.getAndIncrement() % threads * part, 0});
            return ParallelRate.best(threads, () -> {
                long[] mine = position.get();
                long from = mine[0] + mine[1];
                Blackhole.consume(loops.read(memory, from, from + BLOCK));
                mine[1] = (mine[1] + BLOCK) % part;
                return BLOCK;
            });
        }
    }
}

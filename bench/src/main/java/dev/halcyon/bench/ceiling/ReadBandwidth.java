package dev.halcyon.bench.ceiling;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;

/// Bytes a second read from memory that no cache holds: twice the last-level cache, at most an
/// eighth of the memory.
final class ReadBandwidth implements AutoCloseable {
    private static final long BLOCK = 1 << 20;
    private static final long SHORT_READ = 1 << 12;
    private static final long LEAST_BYTES = 256L << 20;

    private final CeilingLoops loops;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final boolean largePages;

    /// Where the next measurement begins, so that it finds nothing that the last one left in a
    /// cache.
    private final AtomicLong next = new AtomicLong();

    ReadBandwidth(CeilingLoops loops) {
        this.loops = loops;
        long wanted = Math.max(LEAST_BYTES, 2 * MachineMemory.lastLevelCacheBytes());
        long bytes =
                Math.min(wanted, MachineMemory.physicalBytes() / 8)
                        / LargePages.BYTES
                        * LargePages.BYTES;
        this.memory = arena.allocate(bytes, LargePages.BYTES);
        this.largePages = LargePages.advise(memory);
        memory.fill((byte) 1);
    }

    /// {@return which pages the memory has, as far as it was asked for}
    String pages() {
        return largePages ? "large pages" : "usual pages";
    }

    /// Reads so little that the compiler soon has seen it often.
    void readShortly() {
        Blackhole.consume(loops.read(memory, 0, SHORT_READ));
    }

    /// Reads with every thread at once, each walking a part of its own.
    double measure(int threads, ParallelRate rate) {
        long part = memory.byteSize() / BLOCK / threads * BLOCK;
        long[] offset = {next.get() % part};
        next.set(offset[0]);
        return rate.best(threads, thread -> walk(thread * part, part, offset[0], thread == 0));
    }

    private DoubleSupplier walk(long first, long length, long start, boolean leads) {
        long[] position = {start};
        return () -> {
            long from = first + position[0];
            Blackhole.consume(loops.read(memory, from, from + BLOCK));
            position[0] = (position[0] + BLOCK) % length;
            if (leads) {
                next.set(position[0]);
            }
            return BLOCK;
        };
    }

    @Override
    public void close() {
        arena.close();
    }
}

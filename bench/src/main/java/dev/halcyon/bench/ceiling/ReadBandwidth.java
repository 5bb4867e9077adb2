package dev.halcyon.bench.ceiling;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;

/// Bytes a second read from memory that no cache holds: twice the last-level cache, at most an
/// eighth of the memory.
final class ReadBandwidth implements AutoCloseable {
    private static final long BLOCK = 1 << 20;
    private static final int PLACES = 4;
    private static final int SHORT_ROUNDS = 16;
    private static final long LEAST_BYTES = 256L << 20;

    /// How a thread reads.
    private enum Streams {
        ONE,
        FOUR
    }

    private final Map<Integer, Streams> streams = new HashMap<>();
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
        long bytes = Math.min(wanted, MachineMemory.physicalBytes() / 8) / BLOCK * BLOCK;
        Optional<MemorySegment> large = LargePages.allocate(arena, bytes);
        this.memory = large.orElseGet(() -> arena.allocate(bytes, 64));
        this.largePages = large.isPresent();
        memory.fill((byte) 1);
    }

    /// {@return which pages the memory has, as far as it was asked for}
    String pages() {
        return largePages ? "large pages" : "usual pages";
    }

    /// Reads so little that the compiler soon has seen it often.
    void readShortly() {
        int line = loops.readBytes();
        Blackhole.consume(loops.read(memory, 0, line, PLACES * (long) line, SHORT_ROUNDS));
        Blackhole.consume(loops.read(memory, 0, BLOCK, line, SHORT_ROUNDS));
    }

    /// Reads with every thread at once, each walking a part of its own, as one stream or as four,
    /// whichever is faster here: prefetchers differ.
    ///
    /// @param isThorough whether to find out which
    double measure(int threads, ParallelRate rate, boolean isThorough) {
        if (!isThorough) {
            return measure(threads, rate, streams.getOrDefault(threads, Streams.ONE));
        }
        double one = measure(threads, rate, Streams.ONE);
        double four = measure(threads, rate, Streams.FOUR);
        streams.put(threads, one >= four ? Streams.ONE : Streams.FOUR);
        return Math.max(one, four);
    }

    private double measure(int threads, ParallelRate rate, Streams how) {
        long part = memory.byteSize() / (BLOCK * PLACES) / threads * BLOCK * PLACES;
        long start = next.get() % (part / PLACES);
        return rate.best(
                threads,
                thread ->
                        how == Streams.ONE
                                ? oneStream(thread * part, part, start)
                                : fourStreams(thread * part, part, start));
    }

    private DoubleSupplier oneStream(long first, long length, long start) {
        long line = loops.readBytes();
        return walk(
                length,
                start,
                BLOCK,
                at -> loops.read(memory, first + at, line, PLACES * line, BLOCK / (PLACES * line)));
    }

    private DoubleSupplier fourStreams(long first, long length, long start) {
        long line = loops.readBytes();
        long each = BLOCK / PLACES;
        long apart = length / PLACES;
        return walk(
                apart, start, each, at -> loops.read(memory, first + at, apart, line, each / line));
    }

    /// Where reading goes on.
    private interface Block {
        float read(long at);
    }

    private DoubleSupplier walk(long length, long start, long step, Block block) {
        long[] position = {start / step * step};
        return () -> {
            Blackhole.consume(block.read(position[0]));
            position[0] = (position[0] + step) % length;
            next.set(position[0]);
            return BLOCK;
        };
    }

    @Override
    public void close() {
        arena.close();
    }
}

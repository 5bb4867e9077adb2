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

    /// How a thread reads: in Java as one stream or as four, or in C; prefetchers differ.
    private enum Way {
        ONE_STREAM,
        FOUR_STREAMS,
        IN_C
    }

    /// The fastest way on a number of threads, once that was found out.
    private final Map<Integer, Way> fastest = new HashMap<>();

    private final CeilingLoops loops;
    private final Optional<NativeLoops.Reader> inC;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final boolean largePages;

    /// Where the next measurement begins, so that it finds nothing that the last one left in a
    /// cache.
    private final AtomicLong next = new AtomicLong();

    ReadBandwidth(CeilingLoops loops, Optional<NativeLoops.Reader> inC) {
        this.loops = loops;
        this.inC = inC;
        long wanted = Math.max(LEAST_BYTES, 2 * MachineMemory.lastLevelCacheBytes());
        long bytes = Math.min(wanted, MachineMemory.physicalBytes() / 8) / BLOCK * BLOCK;
        Optional<MemorySegment> large = LargePages.allocate(arena, bytes);
        this.memory = large.orElseGet(() -> arena.allocate(bytes, 64));
        this.largePages = large.isPresent();
        memory.fill((byte) 1);
    }

    /// {@return the fastest way on so many threads, and which pages the memory has}
    String how(int threads) {
        String pages = largePages ? ", large pages" : ", usual pages";
        return switch (way(threads)) {
            case ONE_STREAM -> loops.label() + pages;
            case FOUR_STREAMS -> loops.label() + ", four streams" + pages;
            case IN_C -> "C" + pages;
        };
    }

    private Way way(int threads) {
        return fastest.getOrDefault(threads, Way.ONE_STREAM);
    }

    /// Reads so little that the compiler soon has seen it often.
    void readShortly() {
        int line = loops.readBytes();
        Blackhole.consume(loops.read(memory, 0, line, PLACES * (long) line, SHORT_ROUNDS));
        Blackhole.consume(loops.read(memory, 0, BLOCK, line, SHORT_ROUNDS));
    }

    /// Reads with every thread at once, each walking a part of its own, in every way there is.
    double measure(int threads) {
        double best = 0;
        for (Way way : Way.values()) {
            if (way == Way.IN_C && inC.isEmpty()) {
                continue;
            }
            double rate = measure(threads, ParallelRate.THOROUGH, way);
            if (rate > best) {
                best = rate;
                fastest.put(threads, way);
            }
        }
        return best;
    }

    /// Reads briefly, in the way that was fastest.
    double glance(int threads) {
        return measure(threads, ParallelRate.BRIEF, way(threads));
    }

    private double measure(int threads, ParallelRate rate, Way way) {
        long part = memory.byteSize() / (BLOCK * PLACES) / threads * BLOCK * PLACES;
        long start = next.get() % (part / PLACES);
        return rate.best(
                threads,
                thread ->
                        switch (way) {
                            case ONE_STREAM -> oneStream(thread * part, part, start);
                            case FOUR_STREAMS -> fourStreams(thread * part, part, start);
                            case IN_C -> inC(inC.orElseThrow(), thread * part, part, start);
                        });
    }

    private DoubleSupplier inC(NativeLoops.Reader reader, long first, long length, long start) {
        long address = memory.address() + first;
        return walk(
                length,
                start,
                BLOCK,
                at -> {
                    reader.read(address + at, BLOCK);
                    return 0;
                });
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

package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.product.Elements;

import jdk.incubator.vector.FloatVector;

import java.lang.foreign.MemorySegment;

/// Tiles of results over one F32 panel, two vectors wide, in 1 to 8 rows.
///
/// The tiles are written out because C2 gives up on inlining methods of ours into a body of this
/// size, and then allocates a vector object for every operation.
///
/// Their size has a limit, too. C2 inlines the Vector API while it parses a method only up to
/// 18,000 nodes; a multiply-add takes 460 of them, a read of a scalar 610, a vector from or to an
/// array 300 and 215. What comes later is inlined afterwards, which succeeds or does not with the
/// profile of the minute: a tile of 12 rows, of 37,000 nodes, ran well for a while, was compiled
/// again because a class was loaded, and then boxed vectors for good, at a fiftieth of its speed.
/// So a tile has at most 8 rows, and its sums begin at zero and are added to the results by a loop
/// of their own.
///
/// The left-hand side is read as unaligned floats, though it is aligned: the checks of many aligned
/// reads cost C1 more registers than it has. A tile that C1 cannot compile with profiling, but has
/// compiled without while C2 was busy, stays there for good, and allocates.
final class F32PanelTiles {
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;

    private F32PanelTiles() {}

    static void tile(
            int rows,
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            float[] tile,
            float[] out,
            int outAt,
            int outPitch) {
        long l = NativeMemory.address(left, leftAt, (long) k * rows * Float.BYTES);
        long p = NativeMemory.address(panel, panelAt, 2L * k * VECTOR_BYTES);
        for (int from = 0; from < k; from += MatrixLoops.RUN) {
            run(
                    rows,
                    l + (long) from * rows * Float.BYTES,
                    p + 2L * from * VECTOR_BYTES,
                    Math.min(MatrixLoops.RUN, k - from),
                    tile);
            TileSums.add(rows, tile, out, outAt, outPitch);
        }
    }

    private static void run(int rows, long left, long panel, int k, float[] sums) {
        switch (rows) {
            case 1 -> tile1(left, panel, k, sums);
            case 2 -> tile2(left, panel, k, sums);
            case 4 -> tile4(left, panel, k, sums);
            case 6 -> tile6(left, panel, k, sums);
            case 8 -> tile8(left, panel, k, sums);
            default -> throw new IllegalArgumentException("no panel tile of " + rows + " rows");
        }
    }

    private static void tile1(long leftAddress, long panelAddress, int k, float[] sums) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        for (int i = 0; i < k; i++) {
            long p = panel + i * (2 * VECTOR_BYTES);
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, ALL, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, ALL, p + VECTOR_BYTES, ORDER);
            long l = left + i * 4L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
        }
        s0a.intoArray(sums, 0);
        s0b.intoArray(sums, COUNT);
    }

    private static void tile2(long leftAddress, long panelAddress, int k, float[] sums) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        FloatVector s1a = zero;
        FloatVector s1b = zero;
        for (int i = 0; i < k; i++) {
            long p = panel + i * (2 * VECTOR_BYTES);
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, ALL, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, ALL, p + VECTOR_BYTES, ORDER);
            long l = left + i * 8L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
        }
        s0a.intoArray(sums, 0);
        s0b.intoArray(sums, COUNT);
        s1a.intoArray(sums, 2 * COUNT);
        s1b.intoArray(sums, 3 * COUNT);
    }

    private static void tile4(long leftAddress, long panelAddress, int k, float[] sums) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        FloatVector s1a = zero;
        FloatVector s1b = zero;
        FloatVector s2a = zero;
        FloatVector s2b = zero;
        FloatVector s3a = zero;
        FloatVector s3b = zero;
        for (int i = 0; i < k; i++) {
            long p = panel + i * (2 * VECTOR_BYTES);
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, ALL, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, ALL, p + VECTOR_BYTES, ORDER);
            long l = left + i * 16L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
        }
        s0a.intoArray(sums, 0);
        s0b.intoArray(sums, COUNT);
        s1a.intoArray(sums, 2 * COUNT);
        s1b.intoArray(sums, 3 * COUNT);
        s2a.intoArray(sums, 4 * COUNT);
        s2b.intoArray(sums, 5 * COUNT);
        s3a.intoArray(sums, 6 * COUNT);
        s3b.intoArray(sums, 7 * COUNT);
    }

    private static void tile6(long leftAddress, long panelAddress, int k, float[] sums) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        FloatVector s1a = zero;
        FloatVector s1b = zero;
        FloatVector s2a = zero;
        FloatVector s2b = zero;
        FloatVector s3a = zero;
        FloatVector s3b = zero;
        FloatVector s4a = zero;
        FloatVector s4b = zero;
        FloatVector s5a = zero;
        FloatVector s5b = zero;
        for (int i = 0; i < k; i++) {
            long p = panel + i * (2 * VECTOR_BYTES);
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, ALL, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, ALL, p + VECTOR_BYTES, ORDER);
            long l = left + i * 24L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
            FloatVector x4 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 16));
            s4a = x4.fma(wa, s4a);
            s4b = x4.fma(wb, s4b);
            FloatVector x5 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 20));
            s5a = x5.fma(wa, s5a);
            s5b = x5.fma(wb, s5b);
        }
        s0a.intoArray(sums, 0);
        s0b.intoArray(sums, COUNT);
        s1a.intoArray(sums, 2 * COUNT);
        s1b.intoArray(sums, 3 * COUNT);
        s2a.intoArray(sums, 4 * COUNT);
        s2b.intoArray(sums, 5 * COUNT);
        s3a.intoArray(sums, 6 * COUNT);
        s3b.intoArray(sums, 7 * COUNT);
        s4a.intoArray(sums, 8 * COUNT);
        s4b.intoArray(sums, 9 * COUNT);
        s5a.intoArray(sums, 10 * COUNT);
        s5b.intoArray(sums, 11 * COUNT);
    }

    private static void tile8(long leftAddress, long panelAddress, int k, float[] sums) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        FloatVector s1a = zero;
        FloatVector s1b = zero;
        FloatVector s2a = zero;
        FloatVector s2b = zero;
        FloatVector s3a = zero;
        FloatVector s3b = zero;
        FloatVector s4a = zero;
        FloatVector s4b = zero;
        FloatVector s5a = zero;
        FloatVector s5b = zero;
        FloatVector s6a = zero;
        FloatVector s6b = zero;
        FloatVector s7a = zero;
        FloatVector s7b = zero;
        for (int i = 0; i < k; i++) {
            long p = panel + i * (2 * VECTOR_BYTES);
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, ALL, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, ALL, p + VECTOR_BYTES, ORDER);
            long l = left + i * 32L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
            FloatVector x4 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 16));
            s4a = x4.fma(wa, s4a);
            s4b = x4.fma(wb, s4b);
            FloatVector x5 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 20));
            s5a = x5.fma(wa, s5a);
            s5b = x5.fma(wb, s5b);
            FloatVector x6 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 24));
            s6a = x6.fma(wa, s6a);
            s6b = x6.fma(wb, s6b);
            FloatVector x7 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 28));
            s7a = x7.fma(wa, s7a);
            s7b = x7.fma(wb, s7b);
        }
        s0a.intoArray(sums, 0);
        s0b.intoArray(sums, COUNT);
        s1a.intoArray(sums, 2 * COUNT);
        s1b.intoArray(sums, 3 * COUNT);
        s2a.intoArray(sums, 4 * COUNT);
        s2b.intoArray(sums, 5 * COUNT);
        s3a.intoArray(sums, 6 * COUNT);
        s3b.intoArray(sums, 7 * COUNT);
        s4a.intoArray(sums, 8 * COUNT);
        s4b.intoArray(sums, 9 * COUNT);
        s5a.intoArray(sums, 10 * COUNT);
        s5b.intoArray(sums, 11 * COUNT);
        s6a.intoArray(sums, 12 * COUNT);
        s6b.intoArray(sums, 13 * COUNT);
        s7a.intoArray(sums, 14 * COUNT);
        s7b.intoArray(sums, 15 * COUNT);
    }
}

package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.product.Elements;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;

/// Tiles of results over one BF16 panel in pairs, in 1 to 8 rows; see [F32PanelTiles] for what
/// limits their size.
///
/// A shift and a mask widen one element of each pair. Every step loads its pairs anew: taking both
/// elements in one step saves a load that costs nothing here, and doubles the body. Eight rows take
/// one vector at a time for the same reason; the other half of the panel's run is in the
/// first-level cache then.
final class Bf16PanelTiles {
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;

    /// The element with the higher index of a pair, as F32.
    private static final IntVector UPPER = IntVector.broadcast(INTS, 0xffff0000);

    private Bf16PanelTiles() {}

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
        long p = NativeMemory.address(panel, panelAt, (long) k * VECTOR_BYTES);
        for (int from = 0; from < k; from += MatrixLoops.RUN) {
            run(
                    rows,
                    l + (long) from * rows * Float.BYTES,
                    p + from * VECTOR_BYTES,
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
            case 8 -> {
                half8(left, panel, k, sums, 0);
                half8(left, panel + VECTOR_BYTES, k, sums, COUNT);
            }
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
            long p = panel + (i >> 1) * (2 * VECTOR_BYTES);
            int shift = (i & 1) == 0 ? 16 : 0;
            FloatVector wa =
                    IntVector.fromMemorySegment(INTS, ALL, p, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
            FloatVector wb =
                    IntVector.fromMemorySegment(INTS, ALL, p + VECTOR_BYTES, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
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
            long p = panel + (i >> 1) * (2 * VECTOR_BYTES);
            int shift = (i & 1) == 0 ? 16 : 0;
            FloatVector wa =
                    IntVector.fromMemorySegment(INTS, ALL, p, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
            FloatVector wb =
                    IntVector.fromMemorySegment(INTS, ALL, p + VECTOR_BYTES, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
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
            long p = panel + (i >> 1) * (2 * VECTOR_BYTES);
            int shift = (i & 1) == 0 ? 16 : 0;
            FloatVector wa =
                    IntVector.fromMemorySegment(INTS, ALL, p, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
            FloatVector wb =
                    IntVector.fromMemorySegment(INTS, ALL, p + VECTOR_BYTES, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
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
            long p = panel + (i >> 1) * (2 * VECTOR_BYTES);
            int shift = (i & 1) == 0 ? 16 : 0;
            FloatVector wa =
                    IntVector.fromMemorySegment(INTS, ALL, p, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
            FloatVector wb =
                    IntVector.fromMemorySegment(INTS, ALL, p + VECTOR_BYTES, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
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

    private static void half8(long leftAddress, long panelAddress, int k, float[] sums, int at) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s1a = zero;
        FloatVector s2a = zero;
        FloatVector s3a = zero;
        FloatVector s4a = zero;
        FloatVector s5a = zero;
        FloatVector s6a = zero;
        FloatVector s7a = zero;
        for (int i = 0; i < k; i++) {
            long p = panel + (i >> 1) * (2 * VECTOR_BYTES);
            int shift = (i & 1) == 0 ? 16 : 0;
            FloatVector wa =
                    IntVector.fromMemorySegment(INTS, ALL, p, ORDER)
                            .lanewise(VectorOperators.LSHL, shift)
                            .and(UPPER)
                            .reinterpretAsFloats();
            long l = left + i * 32L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            FloatVector x1 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            FloatVector x2 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            FloatVector x3 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            FloatVector x4 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 16));
            s4a = x4.fma(wa, s4a);
            FloatVector x5 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 20));
            s5a = x5.fma(wa, s5a);
            FloatVector x6 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 24));
            s6a = x6.fma(wa, s6a);
            FloatVector x7 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 28));
            s7a = x7.fma(wa, s7a);
        }
        s0a.intoArray(sums, at);
        s1a.intoArray(sums, at + 2 * COUNT);
        s2a.intoArray(sums, at + 4 * COUNT);
        s3a.intoArray(sums, at + 6 * COUNT);
        s4a.intoArray(sums, at + 8 * COUNT);
        s5a.intoArray(sums, at + 10 * COUNT);
        s6a.intoArray(sums, at + 12 * COUNT);
        s7a.intoArray(sums, at + 14 * COUNT);
    }
}

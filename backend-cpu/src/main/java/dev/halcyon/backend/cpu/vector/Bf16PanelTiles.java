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
/// elements in one step saves a load that costs nothing here, and doubles the body. More than four
/// rows take the panel's run twice, the second time from the first-level cache, because a body of
/// eight would be too large.
///
/// *Memory.* Few rows wait for the panel. A processor that is left to itself fetches one stream of
/// lines ahead, and stops at the end of a page of 4 KiB; so every step reads a word of the run
/// after this one, in four pages by turns, which keeps four streams going: 25% more bytes a second.
final class Bf16PanelTiles {
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;

    /// The element with the higher index of a pair, as F32.
    private static final IntVector UPPER = IntVector.broadcast(INTS, 0xffff0000);

    /// Bytes that are read ahead: a run of the widest vectors, four pages.
    private static final int AHEAD = 4 << 12;

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
        long end = p + panel.byteSize() - panelAt;
        for (int from = 0; from < k; from += MatrixLoops.RUN) {
            long at = p + from * VECTOR_BYTES;
            int steps = Math.min(MatrixLoops.RUN, k - from);
            long next = at + steps * VECTOR_BYTES;
            boolean isThere = next + AHEAD <= end;
            int touched =
                    run(
                            rows,
                            l + (long) from * rows * Float.BYTES,
                            at,
                            steps,
                            isThere ? next : at,
                            isThere ? AHEAD - 1 : 0,
                            tile);
            TileSums.add(rows, tile, out, outAt, outPitch);
            // Somebody must want what was read ahead.
            tile[TileSums.UNUSED] = touched;
        }
    }

    private static int run(
            int rows, long left, long panel, int k, long next, int reach, float[] sums) {
        int step = rows * Float.BYTES;
        return switch (rows) {
            case 1 -> tile1(left, step, panel, k, next, 0, reach, sums, 0);
            case 2 -> tile2(left, step, panel, k, next, 0, reach, sums, 0);
            case 4 -> tile4(left, step, panel, k, next, 0, reach, sums, 0);
            case 6 ->
                    tile4(left, step, panel, k, next, 0, reach, sums, 0)
                            ^ tile2(left + 16, step, panel, k, panel, 0, 0, sums, 8 * COUNT);
            case 8 ->
                    tile4(left, step, panel, k, next, 1, reach, sums, 0)
                            ^ tile4(
                                    left + 16,
                                    step,
                                    panel,
                                    k,
                                    next + (reach == 0 ? 0 : 64),
                                    1,
                                    reach,
                                    sums,
                                    8 * COUNT);
            default -> throw new IllegalArgumentException("no panel tile of " + rows + " rows");
        };
    }

    private static int tile1(
            long leftAddress,
            int leftStep,
            long panelAddress,
            int k,
            long nextAddress,
            int passes,
            int reach,
            float[] sums,
            int at) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        long next = nextAddress & ADDRESS_BITS;
        int touched = 0;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        for (int i = 0; i < k; i++) {
            int line = i >> passes;
            touched ^=
                    ALL.get(
                            Elements.INT,
                            next + (((line & 3) << 12 | line >> 2 << 6 + passes) & reach));
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
            long l = left + (long) i * leftStep;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
        }
        s0a.intoArray(sums, at);
        s0b.intoArray(sums, at + COUNT);
        return touched;
    }

    private static int tile2(
            long leftAddress,
            int leftStep,
            long panelAddress,
            int k,
            long nextAddress,
            int passes,
            int reach,
            float[] sums,
            int at) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        long next = nextAddress & ADDRESS_BITS;
        int touched = 0;
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector s0a = zero;
        FloatVector s0b = zero;
        FloatVector s1a = zero;
        FloatVector s1b = zero;
        for (int i = 0; i < k; i++) {
            int line = i >> passes;
            touched ^=
                    ALL.get(
                            Elements.INT,
                            next + (((line & 3) << 12 | line >> 2 << 6 + passes) & reach));
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
            long l = left + (long) i * leftStep;
            FloatVector x0 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
        }
        s0a.intoArray(sums, at);
        s0b.intoArray(sums, at + COUNT);
        s1a.intoArray(sums, at + 2 * COUNT);
        s1b.intoArray(sums, at + 3 * COUNT);
        return touched;
    }

    private static int tile4(
            long leftAddress,
            int leftStep,
            long panelAddress,
            int k,
            long nextAddress,
            int passes,
            int reach,
            float[] sums,
            int at) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        long next = nextAddress & ADDRESS_BITS;
        int touched = 0;
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
            int line = i >> passes;
            touched ^=
                    ALL.get(
                            Elements.INT,
                            next + (((line & 3) << 12 | line >> 2 << 6 + passes) & reach));
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
            long l = left + (long) i * leftStep;
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
        s0a.intoArray(sums, at);
        s0b.intoArray(sums, at + COUNT);
        s1a.intoArray(sums, at + 2 * COUNT);
        s1b.intoArray(sums, at + 3 * COUNT);
        s2a.intoArray(sums, at + 4 * COUNT);
        s2b.intoArray(sums, at + 5 * COUNT);
        s3a.intoArray(sums, at + 6 * COUNT);
        s3b.intoArray(sums, at + 7 * COUNT);
        return touched;
    }
}

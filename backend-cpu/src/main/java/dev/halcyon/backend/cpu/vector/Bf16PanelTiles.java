package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.product.Elements;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;

/// Tiles of results over one BF16 panel in pairs, two vectors wide, in 1 to 12 rows.
///
/// A shift and a mask widen one element of each pair. Every step loads its pairs anew: taking both
/// elements in one step saves a load that costs nothing here, and doubles a body that C2 then no
/// longer inlines.
///
/// The tiles are written out because C2 gives up on inlining methods of ours into a body of this
/// size, and then allocates a vector object for every operation.
///
/// The left-hand side is read as unaligned floats, though it is aligned: the checks of twelve
/// aligned reads cost C1 more registers than it has. A tile that C1 cannot compile with profiling,
/// but has compiled without while C2 was busy, stays there for good, and allocates.
final class Bf16PanelTiles {
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;

    /// The element with the higher index of a pair, as F32.
    private static final int UPPER = 0xffff0000;

    private Bf16PanelTiles() {}

    static void tile(
            int rows,
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            float[] out,
            int outAt,
            int outPitch) {
        long l = NativeMemory.address(left, leftAt, (long) k * rows * Float.BYTES);
        long p = NativeMemory.address(panel, panelAt, (long) k * VECTOR_BYTES);
        switch (rows) {
            case 1 -> tile1(l, p, k, out, outAt, outPitch);
            case 2 -> tile2(l, p, k, out, outAt, outPitch);
            case 4 -> tile4(l, p, k, out, outAt, outPitch);
            case 6 -> tile6(l, p, k, out, outAt, outPitch);
            case 8 -> tile8(l, p, k, out, outAt, outPitch);
            case 12 -> tile12(l, p, k, out, outAt, outPitch);
            default -> throw new IllegalArgumentException("no panel tile of " + rows + " rows");
        }
    }

    private static void tile1(
            long leftAddress, long panelAddress, int k, float[] out, int outAt, int outPitch) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        int at0 = outAt;
        FloatVector s0a = FloatVector.fromArray(FLOATS, out, at0);
        FloatVector s0b = FloatVector.fromArray(FLOATS, out, at0 + COUNT);
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
        s0a.intoArray(out, at0);
        s0b.intoArray(out, at0 + COUNT);
    }

    private static void tile2(
            long leftAddress, long panelAddress, int k, float[] out, int outAt, int outPitch) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        int at0 = outAt;
        FloatVector s0a = FloatVector.fromArray(FLOATS, out, at0);
        FloatVector s0b = FloatVector.fromArray(FLOATS, out, at0 + COUNT);
        int at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromArray(FLOATS, out, at1);
        FloatVector s1b = FloatVector.fromArray(FLOATS, out, at1 + COUNT);
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
        s0a.intoArray(out, at0);
        s0b.intoArray(out, at0 + COUNT);
        s1a.intoArray(out, at1);
        s1b.intoArray(out, at1 + COUNT);
    }

    private static void tile4(
            long leftAddress, long panelAddress, int k, float[] out, int outAt, int outPitch) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        int at0 = outAt;
        FloatVector s0a = FloatVector.fromArray(FLOATS, out, at0);
        FloatVector s0b = FloatVector.fromArray(FLOATS, out, at0 + COUNT);
        int at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromArray(FLOATS, out, at1);
        FloatVector s1b = FloatVector.fromArray(FLOATS, out, at1 + COUNT);
        int at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromArray(FLOATS, out, at2);
        FloatVector s2b = FloatVector.fromArray(FLOATS, out, at2 + COUNT);
        int at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromArray(FLOATS, out, at3);
        FloatVector s3b = FloatVector.fromArray(FLOATS, out, at3 + COUNT);
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
        s0a.intoArray(out, at0);
        s0b.intoArray(out, at0 + COUNT);
        s1a.intoArray(out, at1);
        s1b.intoArray(out, at1 + COUNT);
        s2a.intoArray(out, at2);
        s2b.intoArray(out, at2 + COUNT);
        s3a.intoArray(out, at3);
        s3b.intoArray(out, at3 + COUNT);
    }

    private static void tile6(
            long leftAddress, long panelAddress, int k, float[] out, int outAt, int outPitch) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        int at0 = outAt;
        FloatVector s0a = FloatVector.fromArray(FLOATS, out, at0);
        FloatVector s0b = FloatVector.fromArray(FLOATS, out, at0 + COUNT);
        int at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromArray(FLOATS, out, at1);
        FloatVector s1b = FloatVector.fromArray(FLOATS, out, at1 + COUNT);
        int at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromArray(FLOATS, out, at2);
        FloatVector s2b = FloatVector.fromArray(FLOATS, out, at2 + COUNT);
        int at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromArray(FLOATS, out, at3);
        FloatVector s3b = FloatVector.fromArray(FLOATS, out, at3 + COUNT);
        int at4 = outAt + 4 * outPitch;
        FloatVector s4a = FloatVector.fromArray(FLOATS, out, at4);
        FloatVector s4b = FloatVector.fromArray(FLOATS, out, at4 + COUNT);
        int at5 = outAt + 5 * outPitch;
        FloatVector s5a = FloatVector.fromArray(FLOATS, out, at5);
        FloatVector s5b = FloatVector.fromArray(FLOATS, out, at5 + COUNT);
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
        s0a.intoArray(out, at0);
        s0b.intoArray(out, at0 + COUNT);
        s1a.intoArray(out, at1);
        s1b.intoArray(out, at1 + COUNT);
        s2a.intoArray(out, at2);
        s2b.intoArray(out, at2 + COUNT);
        s3a.intoArray(out, at3);
        s3b.intoArray(out, at3 + COUNT);
        s4a.intoArray(out, at4);
        s4b.intoArray(out, at4 + COUNT);
        s5a.intoArray(out, at5);
        s5b.intoArray(out, at5 + COUNT);
    }

    private static void tile8(
            long leftAddress, long panelAddress, int k, float[] out, int outAt, int outPitch) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        int at0 = outAt;
        FloatVector s0a = FloatVector.fromArray(FLOATS, out, at0);
        FloatVector s0b = FloatVector.fromArray(FLOATS, out, at0 + COUNT);
        int at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromArray(FLOATS, out, at1);
        FloatVector s1b = FloatVector.fromArray(FLOATS, out, at1 + COUNT);
        int at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromArray(FLOATS, out, at2);
        FloatVector s2b = FloatVector.fromArray(FLOATS, out, at2 + COUNT);
        int at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromArray(FLOATS, out, at3);
        FloatVector s3b = FloatVector.fromArray(FLOATS, out, at3 + COUNT);
        int at4 = outAt + 4 * outPitch;
        FloatVector s4a = FloatVector.fromArray(FLOATS, out, at4);
        FloatVector s4b = FloatVector.fromArray(FLOATS, out, at4 + COUNT);
        int at5 = outAt + 5 * outPitch;
        FloatVector s5a = FloatVector.fromArray(FLOATS, out, at5);
        FloatVector s5b = FloatVector.fromArray(FLOATS, out, at5 + COUNT);
        int at6 = outAt + 6 * outPitch;
        FloatVector s6a = FloatVector.fromArray(FLOATS, out, at6);
        FloatVector s6b = FloatVector.fromArray(FLOATS, out, at6 + COUNT);
        int at7 = outAt + 7 * outPitch;
        FloatVector s7a = FloatVector.fromArray(FLOATS, out, at7);
        FloatVector s7b = FloatVector.fromArray(FLOATS, out, at7 + COUNT);
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
        s0a.intoArray(out, at0);
        s0b.intoArray(out, at0 + COUNT);
        s1a.intoArray(out, at1);
        s1b.intoArray(out, at1 + COUNT);
        s2a.intoArray(out, at2);
        s2b.intoArray(out, at2 + COUNT);
        s3a.intoArray(out, at3);
        s3b.intoArray(out, at3 + COUNT);
        s4a.intoArray(out, at4);
        s4b.intoArray(out, at4 + COUNT);
        s5a.intoArray(out, at5);
        s5b.intoArray(out, at5 + COUNT);
        s6a.intoArray(out, at6);
        s6b.intoArray(out, at6 + COUNT);
        s7a.intoArray(out, at7);
        s7b.intoArray(out, at7 + COUNT);
    }

    private static void tile12(
            long leftAddress, long panelAddress, int k, float[] out, int outAt, int outPitch) {
        long left = leftAddress & ADDRESS_BITS;
        long panel = panelAddress & ADDRESS_BITS;
        int at0 = outAt;
        FloatVector s0a = FloatVector.fromArray(FLOATS, out, at0);
        FloatVector s0b = FloatVector.fromArray(FLOATS, out, at0 + COUNT);
        int at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromArray(FLOATS, out, at1);
        FloatVector s1b = FloatVector.fromArray(FLOATS, out, at1 + COUNT);
        int at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromArray(FLOATS, out, at2);
        FloatVector s2b = FloatVector.fromArray(FLOATS, out, at2 + COUNT);
        int at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromArray(FLOATS, out, at3);
        FloatVector s3b = FloatVector.fromArray(FLOATS, out, at3 + COUNT);
        int at4 = outAt + 4 * outPitch;
        FloatVector s4a = FloatVector.fromArray(FLOATS, out, at4);
        FloatVector s4b = FloatVector.fromArray(FLOATS, out, at4 + COUNT);
        int at5 = outAt + 5 * outPitch;
        FloatVector s5a = FloatVector.fromArray(FLOATS, out, at5);
        FloatVector s5b = FloatVector.fromArray(FLOATS, out, at5 + COUNT);
        int at6 = outAt + 6 * outPitch;
        FloatVector s6a = FloatVector.fromArray(FLOATS, out, at6);
        FloatVector s6b = FloatVector.fromArray(FLOATS, out, at6 + COUNT);
        int at7 = outAt + 7 * outPitch;
        FloatVector s7a = FloatVector.fromArray(FLOATS, out, at7);
        FloatVector s7b = FloatVector.fromArray(FLOATS, out, at7 + COUNT);
        int at8 = outAt + 8 * outPitch;
        FloatVector s8a = FloatVector.fromArray(FLOATS, out, at8);
        FloatVector s8b = FloatVector.fromArray(FLOATS, out, at8 + COUNT);
        int at9 = outAt + 9 * outPitch;
        FloatVector s9a = FloatVector.fromArray(FLOATS, out, at9);
        FloatVector s9b = FloatVector.fromArray(FLOATS, out, at9 + COUNT);
        int at10 = outAt + 10 * outPitch;
        FloatVector s10a = FloatVector.fromArray(FLOATS, out, at10);
        FloatVector s10b = FloatVector.fromArray(FLOATS, out, at10 + COUNT);
        int at11 = outAt + 11 * outPitch;
        FloatVector s11a = FloatVector.fromArray(FLOATS, out, at11);
        FloatVector s11b = FloatVector.fromArray(FLOATS, out, at11 + COUNT);
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
            long l = left + i * 48L;
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
            FloatVector x8 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 32));
            s8a = x8.fma(wa, s8a);
            s8b = x8.fma(wb, s8b);
            FloatVector x9 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 36));
            s9a = x9.fma(wa, s9a);
            s9b = x9.fma(wb, s9b);
            FloatVector x10 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 40));
            s10a = x10.fma(wa, s10a);
            s10b = x10.fma(wb, s10b);
            FloatVector x11 = FloatVector.broadcast(FLOATS, ALL.get(Elements.FLOAT, l + 44));
            s11a = x11.fma(wa, s11a);
            s11b = x11.fma(wb, s11b);
        }
        s0a.intoArray(out, at0);
        s0b.intoArray(out, at0 + COUNT);
        s1a.intoArray(out, at1);
        s1b.intoArray(out, at1 + COUNT);
        s2a.intoArray(out, at2);
        s2b.intoArray(out, at2 + COUNT);
        s3a.intoArray(out, at3);
        s3b.intoArray(out, at3 + COUNT);
        s4a.intoArray(out, at4);
        s4b.intoArray(out, at4 + COUNT);
        s5a.intoArray(out, at5);
        s5b.intoArray(out, at5 + COUNT);
        s6a.intoArray(out, at6);
        s6b.intoArray(out, at6 + COUNT);
        s7a.intoArray(out, at7);
        s7b.intoArray(out, at7 + COUNT);
        s8a.intoArray(out, at8);
        s8b.intoArray(out, at8 + COUNT);
        s9a.intoArray(out, at9);
        s9b.intoArray(out, at9 + COUNT);
        s10a.intoArray(out, at10);
        s10b.intoArray(out, at10 + COUNT);
        s11a.intoArray(out, at11);
        s11b.intoArray(out, at11 + COUNT);
    }
}

package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.product.Elements;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Tiles of results over one F32 panel, two vectors wide, in 1 to 12 rows.
///
/// The tiles are written out because C2 gives up on inlining methods of ours into a body of this size, and then allocates a vector
/// object for every operation.
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
            MemorySegment out,
            long outAt,
            long outPitch) {
        switch (rows) {
            case 1 -> tile1(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 2 -> tile2(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 4 -> tile4(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 6 -> tile6(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 8 -> tile8(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 12 -> tile12(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            default -> throw new IllegalArgumentException("no panel tile of " + rows + " rows");
        }
    }

    private static void tile1(
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            MemorySegment out,
            long outAt,
            long outPitch) {
        long at0 = outAt;
        FloatVector s0a = FloatVector.fromMemorySegment(FLOATS, out, at0, ORDER);
        FloatVector s0b = FloatVector.fromMemorySegment(FLOATS, out, at0 + VECTOR_BYTES, ORDER);
        for (int i = 0; i < k; i++) {
            long p = panelAt + i * 2 * VECTOR_BYTES;
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, panel, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, panel, p + VECTOR_BYTES, ORDER);
            long l = leftAt + i * 4L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
        }
        s0a.intoMemorySegment(out, at0, ORDER);
        s0b.intoMemorySegment(out, at0 + VECTOR_BYTES, ORDER);
    }

    private static void tile2(
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            MemorySegment out,
            long outAt,
            long outPitch) {
        long at0 = outAt;
        FloatVector s0a = FloatVector.fromMemorySegment(FLOATS, out, at0, ORDER);
        FloatVector s0b = FloatVector.fromMemorySegment(FLOATS, out, at0 + VECTOR_BYTES, ORDER);
        long at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromMemorySegment(FLOATS, out, at1, ORDER);
        FloatVector s1b = FloatVector.fromMemorySegment(FLOATS, out, at1 + VECTOR_BYTES, ORDER);
        for (int i = 0; i < k; i++) {
            long p = panelAt + i * 2 * VECTOR_BYTES;
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, panel, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, panel, p + VECTOR_BYTES, ORDER);
            long l = leftAt + i * 8L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
        }
        s0a.intoMemorySegment(out, at0, ORDER);
        s0b.intoMemorySegment(out, at0 + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(out, at1, ORDER);
        s1b.intoMemorySegment(out, at1 + VECTOR_BYTES, ORDER);
    }

    private static void tile4(
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            MemorySegment out,
            long outAt,
            long outPitch) {
        long at0 = outAt;
        FloatVector s0a = FloatVector.fromMemorySegment(FLOATS, out, at0, ORDER);
        FloatVector s0b = FloatVector.fromMemorySegment(FLOATS, out, at0 + VECTOR_BYTES, ORDER);
        long at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromMemorySegment(FLOATS, out, at1, ORDER);
        FloatVector s1b = FloatVector.fromMemorySegment(FLOATS, out, at1 + VECTOR_BYTES, ORDER);
        long at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromMemorySegment(FLOATS, out, at2, ORDER);
        FloatVector s2b = FloatVector.fromMemorySegment(FLOATS, out, at2 + VECTOR_BYTES, ORDER);
        long at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromMemorySegment(FLOATS, out, at3, ORDER);
        FloatVector s3b = FloatVector.fromMemorySegment(FLOATS, out, at3 + VECTOR_BYTES, ORDER);
        for (int i = 0; i < k; i++) {
            long p = panelAt + i * 2 * VECTOR_BYTES;
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, panel, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, panel, p + VECTOR_BYTES, ORDER);
            long l = leftAt + i * 16L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
        }
        s0a.intoMemorySegment(out, at0, ORDER);
        s0b.intoMemorySegment(out, at0 + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(out, at1, ORDER);
        s1b.intoMemorySegment(out, at1 + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(out, at2, ORDER);
        s2b.intoMemorySegment(out, at2 + VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(out, at3, ORDER);
        s3b.intoMemorySegment(out, at3 + VECTOR_BYTES, ORDER);
    }

    private static void tile6(
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            MemorySegment out,
            long outAt,
            long outPitch) {
        long at0 = outAt;
        FloatVector s0a = FloatVector.fromMemorySegment(FLOATS, out, at0, ORDER);
        FloatVector s0b = FloatVector.fromMemorySegment(FLOATS, out, at0 + VECTOR_BYTES, ORDER);
        long at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromMemorySegment(FLOATS, out, at1, ORDER);
        FloatVector s1b = FloatVector.fromMemorySegment(FLOATS, out, at1 + VECTOR_BYTES, ORDER);
        long at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromMemorySegment(FLOATS, out, at2, ORDER);
        FloatVector s2b = FloatVector.fromMemorySegment(FLOATS, out, at2 + VECTOR_BYTES, ORDER);
        long at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromMemorySegment(FLOATS, out, at3, ORDER);
        FloatVector s3b = FloatVector.fromMemorySegment(FLOATS, out, at3 + VECTOR_BYTES, ORDER);
        long at4 = outAt + 4 * outPitch;
        FloatVector s4a = FloatVector.fromMemorySegment(FLOATS, out, at4, ORDER);
        FloatVector s4b = FloatVector.fromMemorySegment(FLOATS, out, at4 + VECTOR_BYTES, ORDER);
        long at5 = outAt + 5 * outPitch;
        FloatVector s5a = FloatVector.fromMemorySegment(FLOATS, out, at5, ORDER);
        FloatVector s5b = FloatVector.fromMemorySegment(FLOATS, out, at5 + VECTOR_BYTES, ORDER);
        for (int i = 0; i < k; i++) {
            long p = panelAt + i * 2 * VECTOR_BYTES;
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, panel, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, panel, p + VECTOR_BYTES, ORDER);
            long l = leftAt + i * 24L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
            FloatVector x4 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 16));
            s4a = x4.fma(wa, s4a);
            s4b = x4.fma(wb, s4b);
            FloatVector x5 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 20));
            s5a = x5.fma(wa, s5a);
            s5b = x5.fma(wb, s5b);
        }
        s0a.intoMemorySegment(out, at0, ORDER);
        s0b.intoMemorySegment(out, at0 + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(out, at1, ORDER);
        s1b.intoMemorySegment(out, at1 + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(out, at2, ORDER);
        s2b.intoMemorySegment(out, at2 + VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(out, at3, ORDER);
        s3b.intoMemorySegment(out, at3 + VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(out, at4, ORDER);
        s4b.intoMemorySegment(out, at4 + VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(out, at5, ORDER);
        s5b.intoMemorySegment(out, at5 + VECTOR_BYTES, ORDER);
    }

    private static void tile8(
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            MemorySegment out,
            long outAt,
            long outPitch) {
        long at0 = outAt;
        FloatVector s0a = FloatVector.fromMemorySegment(FLOATS, out, at0, ORDER);
        FloatVector s0b = FloatVector.fromMemorySegment(FLOATS, out, at0 + VECTOR_BYTES, ORDER);
        long at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromMemorySegment(FLOATS, out, at1, ORDER);
        FloatVector s1b = FloatVector.fromMemorySegment(FLOATS, out, at1 + VECTOR_BYTES, ORDER);
        long at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromMemorySegment(FLOATS, out, at2, ORDER);
        FloatVector s2b = FloatVector.fromMemorySegment(FLOATS, out, at2 + VECTOR_BYTES, ORDER);
        long at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromMemorySegment(FLOATS, out, at3, ORDER);
        FloatVector s3b = FloatVector.fromMemorySegment(FLOATS, out, at3 + VECTOR_BYTES, ORDER);
        long at4 = outAt + 4 * outPitch;
        FloatVector s4a = FloatVector.fromMemorySegment(FLOATS, out, at4, ORDER);
        FloatVector s4b = FloatVector.fromMemorySegment(FLOATS, out, at4 + VECTOR_BYTES, ORDER);
        long at5 = outAt + 5 * outPitch;
        FloatVector s5a = FloatVector.fromMemorySegment(FLOATS, out, at5, ORDER);
        FloatVector s5b = FloatVector.fromMemorySegment(FLOATS, out, at5 + VECTOR_BYTES, ORDER);
        long at6 = outAt + 6 * outPitch;
        FloatVector s6a = FloatVector.fromMemorySegment(FLOATS, out, at6, ORDER);
        FloatVector s6b = FloatVector.fromMemorySegment(FLOATS, out, at6 + VECTOR_BYTES, ORDER);
        long at7 = outAt + 7 * outPitch;
        FloatVector s7a = FloatVector.fromMemorySegment(FLOATS, out, at7, ORDER);
        FloatVector s7b = FloatVector.fromMemorySegment(FLOATS, out, at7 + VECTOR_BYTES, ORDER);
        for (int i = 0; i < k; i++) {
            long p = panelAt + i * 2 * VECTOR_BYTES;
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, panel, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, panel, p + VECTOR_BYTES, ORDER);
            long l = leftAt + i * 32L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
            FloatVector x4 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 16));
            s4a = x4.fma(wa, s4a);
            s4b = x4.fma(wb, s4b);
            FloatVector x5 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 20));
            s5a = x5.fma(wa, s5a);
            s5b = x5.fma(wb, s5b);
            FloatVector x6 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 24));
            s6a = x6.fma(wa, s6a);
            s6b = x6.fma(wb, s6b);
            FloatVector x7 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 28));
            s7a = x7.fma(wa, s7a);
            s7b = x7.fma(wb, s7b);
        }
        s0a.intoMemorySegment(out, at0, ORDER);
        s0b.intoMemorySegment(out, at0 + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(out, at1, ORDER);
        s1b.intoMemorySegment(out, at1 + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(out, at2, ORDER);
        s2b.intoMemorySegment(out, at2 + VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(out, at3, ORDER);
        s3b.intoMemorySegment(out, at3 + VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(out, at4, ORDER);
        s4b.intoMemorySegment(out, at4 + VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(out, at5, ORDER);
        s5b.intoMemorySegment(out, at5 + VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(out, at6, ORDER);
        s6b.intoMemorySegment(out, at6 + VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(out, at7, ORDER);
        s7b.intoMemorySegment(out, at7 + VECTOR_BYTES, ORDER);
    }

    private static void tile12(
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            MemorySegment out,
            long outAt,
            long outPitch) {
        long at0 = outAt;
        FloatVector s0a = FloatVector.fromMemorySegment(FLOATS, out, at0, ORDER);
        FloatVector s0b = FloatVector.fromMemorySegment(FLOATS, out, at0 + VECTOR_BYTES, ORDER);
        long at1 = outAt + outPitch;
        FloatVector s1a = FloatVector.fromMemorySegment(FLOATS, out, at1, ORDER);
        FloatVector s1b = FloatVector.fromMemorySegment(FLOATS, out, at1 + VECTOR_BYTES, ORDER);
        long at2 = outAt + 2 * outPitch;
        FloatVector s2a = FloatVector.fromMemorySegment(FLOATS, out, at2, ORDER);
        FloatVector s2b = FloatVector.fromMemorySegment(FLOATS, out, at2 + VECTOR_BYTES, ORDER);
        long at3 = outAt + 3 * outPitch;
        FloatVector s3a = FloatVector.fromMemorySegment(FLOATS, out, at3, ORDER);
        FloatVector s3b = FloatVector.fromMemorySegment(FLOATS, out, at3 + VECTOR_BYTES, ORDER);
        long at4 = outAt + 4 * outPitch;
        FloatVector s4a = FloatVector.fromMemorySegment(FLOATS, out, at4, ORDER);
        FloatVector s4b = FloatVector.fromMemorySegment(FLOATS, out, at4 + VECTOR_BYTES, ORDER);
        long at5 = outAt + 5 * outPitch;
        FloatVector s5a = FloatVector.fromMemorySegment(FLOATS, out, at5, ORDER);
        FloatVector s5b = FloatVector.fromMemorySegment(FLOATS, out, at5 + VECTOR_BYTES, ORDER);
        long at6 = outAt + 6 * outPitch;
        FloatVector s6a = FloatVector.fromMemorySegment(FLOATS, out, at6, ORDER);
        FloatVector s6b = FloatVector.fromMemorySegment(FLOATS, out, at6 + VECTOR_BYTES, ORDER);
        long at7 = outAt + 7 * outPitch;
        FloatVector s7a = FloatVector.fromMemorySegment(FLOATS, out, at7, ORDER);
        FloatVector s7b = FloatVector.fromMemorySegment(FLOATS, out, at7 + VECTOR_BYTES, ORDER);
        long at8 = outAt + 8 * outPitch;
        FloatVector s8a = FloatVector.fromMemorySegment(FLOATS, out, at8, ORDER);
        FloatVector s8b = FloatVector.fromMemorySegment(FLOATS, out, at8 + VECTOR_BYTES, ORDER);
        long at9 = outAt + 9 * outPitch;
        FloatVector s9a = FloatVector.fromMemorySegment(FLOATS, out, at9, ORDER);
        FloatVector s9b = FloatVector.fromMemorySegment(FLOATS, out, at9 + VECTOR_BYTES, ORDER);
        long at10 = outAt + 10 * outPitch;
        FloatVector s10a = FloatVector.fromMemorySegment(FLOATS, out, at10, ORDER);
        FloatVector s10b = FloatVector.fromMemorySegment(FLOATS, out, at10 + VECTOR_BYTES, ORDER);
        long at11 = outAt + 11 * outPitch;
        FloatVector s11a = FloatVector.fromMemorySegment(FLOATS, out, at11, ORDER);
        FloatVector s11b = FloatVector.fromMemorySegment(FLOATS, out, at11 + VECTOR_BYTES, ORDER);
        for (int i = 0; i < k; i++) {
            long p = panelAt + i * 2 * VECTOR_BYTES;
            FloatVector wa = FloatVector.fromMemorySegment(FLOATS, panel, p, ORDER);
            FloatVector wb = FloatVector.fromMemorySegment(FLOATS, panel, p + VECTOR_BYTES, ORDER);
            long l = leftAt + i * 48L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector x2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 8));
            s2a = x2.fma(wa, s2a);
            s2b = x2.fma(wb, s2b);
            FloatVector x3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 12));
            s3a = x3.fma(wa, s3a);
            s3b = x3.fma(wb, s3b);
            FloatVector x4 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 16));
            s4a = x4.fma(wa, s4a);
            s4b = x4.fma(wb, s4b);
            FloatVector x5 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 20));
            s5a = x5.fma(wa, s5a);
            s5b = x5.fma(wb, s5b);
            FloatVector x6 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 24));
            s6a = x6.fma(wa, s6a);
            s6b = x6.fma(wb, s6b);
            FloatVector x7 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 28));
            s7a = x7.fma(wa, s7a);
            s7b = x7.fma(wb, s7b);
            FloatVector x8 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 32));
            s8a = x8.fma(wa, s8a);
            s8b = x8.fma(wb, s8b);
            FloatVector x9 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 36));
            s9a = x9.fma(wa, s9a);
            s9b = x9.fma(wb, s9b);
            FloatVector x10 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 40));
            s10a = x10.fma(wa, s10a);
            s10b = x10.fma(wb, s10b);
            FloatVector x11 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 44));
            s11a = x11.fma(wa, s11a);
            s11b = x11.fma(wb, s11b);
        }
        s0a.intoMemorySegment(out, at0, ORDER);
        s0b.intoMemorySegment(out, at0 + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(out, at1, ORDER);
        s1b.intoMemorySegment(out, at1 + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(out, at2, ORDER);
        s2b.intoMemorySegment(out, at2 + VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(out, at3, ORDER);
        s3b.intoMemorySegment(out, at3 + VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(out, at4, ORDER);
        s4b.intoMemorySegment(out, at4 + VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(out, at5, ORDER);
        s5b.intoMemorySegment(out, at5 + VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(out, at6, ORDER);
        s6b.intoMemorySegment(out, at6 + VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(out, at7, ORDER);
        s7b.intoMemorySegment(out, at7 + VECTOR_BYTES, ORDER);
        s8a.intoMemorySegment(out, at8, ORDER);
        s8b.intoMemorySegment(out, at8 + VECTOR_BYTES, ORDER);
        s9a.intoMemorySegment(out, at9, ORDER);
        s9b.intoMemorySegment(out, at9 + VECTOR_BYTES, ORDER);
        s10a.intoMemorySegment(out, at10, ORDER);
        s10b.intoMemorySegment(out, at10 + VECTOR_BYTES, ORDER);
        s11a.intoMemorySegment(out, at11, ORDER);
        s11b.intoMemorySegment(out, at11 + VECTOR_BYTES, ORDER);
    }
}

package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.product.Elements;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Tiles of results over one BF16 panel in pairs, two vectors wide, in 1 to 6 rows.
///
/// A pair widens into two vectors by a shift and a mask, so the panel is one stream of full loads.
///
/// The tiles are written out because C2 gives up on inlining methods of ours into a body of this size, and then allocates a vector
/// object for every operation.
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
            MemorySegment out,
            long outAt,
            long outPitch) {
        switch (rows) {
            case 1 -> tile1(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 2 -> tile2(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 4 -> tile4(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 6 -> tile6(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
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
        for (int i = 0; i < k; i += 2) {
            long p = panelAt + i * VECTOR_BYTES;
            IntVector pa = IntVector.fromMemorySegment(INTS, panel, p, ORDER);
            IntVector pb = IntVector.fromMemorySegment(INTS, panel, p + VECTOR_BYTES, ORDER);
            FloatVector wa = pa.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector wb = pb.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector va = pa.and(UPPER).reinterpretAsFloats();
            FloatVector vb = pb.and(UPPER).reinterpretAsFloats();
            long l = leftAt + i * 4L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector y0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s0a = y0.fma(va, s0a);
            s0b = y0.fma(vb, s0b);
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
        for (int i = 0; i < k; i += 2) {
            long p = panelAt + i * VECTOR_BYTES;
            IntVector pa = IntVector.fromMemorySegment(INTS, panel, p, ORDER);
            IntVector pb = IntVector.fromMemorySegment(INTS, panel, p + VECTOR_BYTES, ORDER);
            FloatVector wa = pa.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector wb = pb.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector va = pa.and(UPPER).reinterpretAsFloats();
            FloatVector vb = pb.and(UPPER).reinterpretAsFloats();
            long l = leftAt + i * 8L;
            FloatVector x0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l));
            s0a = x0.fma(wa, s0a);
            s0b = x0.fma(wb, s0b);
            FloatVector x1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 4));
            s1a = x1.fma(wa, s1a);
            s1b = x1.fma(wb, s1b);
            FloatVector y0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 8));
            s0a = y0.fma(va, s0a);
            s0b = y0.fma(vb, s0b);
            FloatVector y1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 12));
            s1a = y1.fma(va, s1a);
            s1b = y1.fma(vb, s1b);
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
        for (int i = 0; i < k; i += 2) {
            long p = panelAt + i * VECTOR_BYTES;
            IntVector pa = IntVector.fromMemorySegment(INTS, panel, p, ORDER);
            IntVector pb = IntVector.fromMemorySegment(INTS, panel, p + VECTOR_BYTES, ORDER);
            FloatVector wa = pa.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector wb = pb.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector va = pa.and(UPPER).reinterpretAsFloats();
            FloatVector vb = pb.and(UPPER).reinterpretAsFloats();
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
            FloatVector y0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 16));
            s0a = y0.fma(va, s0a);
            s0b = y0.fma(vb, s0b);
            FloatVector y1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 20));
            s1a = y1.fma(va, s1a);
            s1b = y1.fma(vb, s1b);
            FloatVector y2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 24));
            s2a = y2.fma(va, s2a);
            s2b = y2.fma(vb, s2b);
            FloatVector y3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 28));
            s3a = y3.fma(va, s3a);
            s3b = y3.fma(vb, s3b);
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
        for (int i = 0; i < k; i += 2) {
            long p = panelAt + i * VECTOR_BYTES;
            IntVector pa = IntVector.fromMemorySegment(INTS, panel, p, ORDER);
            IntVector pb = IntVector.fromMemorySegment(INTS, panel, p + VECTOR_BYTES, ORDER);
            FloatVector wa = pa.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector wb = pb.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector va = pa.and(UPPER).reinterpretAsFloats();
            FloatVector vb = pb.and(UPPER).reinterpretAsFloats();
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
            FloatVector y0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 24));
            s0a = y0.fma(va, s0a);
            s0b = y0.fma(vb, s0b);
            FloatVector y1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 28));
            s1a = y1.fma(va, s1a);
            s1b = y1.fma(vb, s1b);
            FloatVector y2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 32));
            s2a = y2.fma(va, s2a);
            s2b = y2.fma(vb, s2b);
            FloatVector y3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 36));
            s3a = y3.fma(va, s3a);
            s3b = y3.fma(vb, s3b);
            FloatVector y4 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 40));
            s4a = y4.fma(va, s4a);
            s4b = y4.fma(vb, s4b);
            FloatVector y5 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 44));
            s5a = y5.fma(va, s5a);
            s5b = y5.fma(vb, s5b);
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
}

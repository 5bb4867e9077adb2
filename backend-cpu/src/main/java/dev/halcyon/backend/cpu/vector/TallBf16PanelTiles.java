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

/// [Bf16PanelTiles] of 8 and 12 rows, for processors with 32 vector registers.
final class TallBf16PanelTiles {
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;

    /// The element with the higher index of a pair, as F32.
    private static final int UPPER = 0xffff0000;

    private TallBf16PanelTiles() {}

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
            case 8 -> tile8(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            case 12 -> tile12(left, leftAt, panel, panelAt, k, out, outAt, outPitch);
            default -> throw new IllegalArgumentException("no panel tile of " + rows + " rows");
        }
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
        for (int i = 0; i < k; i += 2) {
            long p = panelAt + i * VECTOR_BYTES;
            IntVector pa = IntVector.fromMemorySegment(INTS, panel, p, ORDER);
            IntVector pb = IntVector.fromMemorySegment(INTS, panel, p + VECTOR_BYTES, ORDER);
            FloatVector wa = pa.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector wb = pb.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector va = pa.and(UPPER).reinterpretAsFloats();
            FloatVector vb = pb.and(UPPER).reinterpretAsFloats();
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
            FloatVector y0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 32));
            s0a = y0.fma(va, s0a);
            s0b = y0.fma(vb, s0b);
            FloatVector y1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 36));
            s1a = y1.fma(va, s1a);
            s1b = y1.fma(vb, s1b);
            FloatVector y2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 40));
            s2a = y2.fma(va, s2a);
            s2b = y2.fma(vb, s2b);
            FloatVector y3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 44));
            s3a = y3.fma(va, s3a);
            s3b = y3.fma(vb, s3b);
            FloatVector y4 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 48));
            s4a = y4.fma(va, s4a);
            s4b = y4.fma(vb, s4b);
            FloatVector y5 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 52));
            s5a = y5.fma(va, s5a);
            s5b = y5.fma(vb, s5b);
            FloatVector y6 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 56));
            s6a = y6.fma(va, s6a);
            s6b = y6.fma(vb, s6b);
            FloatVector y7 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 60));
            s7a = y7.fma(va, s7a);
            s7b = y7.fma(vb, s7b);
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
        for (int i = 0; i < k; i += 2) {
            long p = panelAt + i * VECTOR_BYTES;
            IntVector pa = IntVector.fromMemorySegment(INTS, panel, p, ORDER);
            IntVector pb = IntVector.fromMemorySegment(INTS, panel, p + VECTOR_BYTES, ORDER);
            FloatVector wa = pa.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector wb = pb.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector va = pa.and(UPPER).reinterpretAsFloats();
            FloatVector vb = pb.and(UPPER).reinterpretAsFloats();
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
            FloatVector y0 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 48));
            s0a = y0.fma(va, s0a);
            s0b = y0.fma(vb, s0b);
            FloatVector y1 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 52));
            s1a = y1.fma(va, s1a);
            s1b = y1.fma(vb, s1b);
            FloatVector y2 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 56));
            s2a = y2.fma(va, s2a);
            s2b = y2.fma(vb, s2b);
            FloatVector y3 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 60));
            s3a = y3.fma(va, s3a);
            s3b = y3.fma(vb, s3b);
            FloatVector y4 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 64));
            s4a = y4.fma(va, s4a);
            s4b = y4.fma(vb, s4b);
            FloatVector y5 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 68));
            s5a = y5.fma(va, s5a);
            s5b = y5.fma(vb, s5b);
            FloatVector y6 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 72));
            s6a = y6.fma(va, s6a);
            s6b = y6.fma(vb, s6b);
            FloatVector y7 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 76));
            s7a = y7.fma(va, s7a);
            s7b = y7.fma(vb, s7b);
            FloatVector y8 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 80));
            s8a = y8.fma(va, s8a);
            s8b = y8.fma(vb, s8b);
            FloatVector y9 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 84));
            s9a = y9.fma(va, s9a);
            s9b = y9.fma(vb, s9b);
            FloatVector y10 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 88));
            s10a = y10.fma(va, s10a);
            s10b = y10.fma(vb, s10b);
            FloatVector y11 = FloatVector.broadcast(FLOATS, left.get(Elements.FLOAT, l + 92));
            s11a = y11.fma(va, s11a);
            s11b = y11.fma(vb, s11b);
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

package dev.halcyon.backend.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Register tiles of scores: some keys, each broadcast, by one or two panels of queries; every
/// result is overwritten.
///
/// Each method is one loop with its sums in named variables and nothing but stores behind it. C2
/// keeps vectors in registers only where it inlines every call, and it stops inlining when a method
/// grows: with 24 sums, or with 16 and their addition to what was there, these ran at a hundredth
/// of their speed. [#add] is therefore separate.
final class ScoreTile {
    private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
    private static final ByteOrder ORDER = Lanes.ORDER;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final long VECTOR_BYTES = 4L * Lanes.COUNT;

    private ScoreTile() {}

    /// Eight keys by two panels: 16 sums, for machines with 32 registers.
    static void keys8panels2(
            MemorySegment memory,
            long keys,
            long keyStride,
            int dim,
            long queries,
            long queryStride,
            long out,
            long outStride) {
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s4a = Lanes.zero();
        FloatVector s5a = Lanes.zero();
        FloatVector s6a = Lanes.zero();
        FloatVector s7a = Lanes.zero();
        FloatVector s0b = Lanes.zero();
        FloatVector s1b = Lanes.zero();
        FloatVector s2b = Lanes.zero();
        FloatVector s3b = Lanes.zero();
        FloatVector s4b = Lanes.zero();
        FloatVector s5b = Lanes.zero();
        FloatVector s6b = Lanes.zero();
        FloatVector s7b = Lanes.zero();
        long key1 = keys + keyStride;
        long key2 = keys + 2 * keyStride;
        long key3 = keys + 3 * keyStride;
        long key4 = keys + 4 * keyStride;
        long key5 = keys + 5 * keyStride;
        long key6 = keys + 6 * keyStride;
        long key7 = keys + 7 * keyStride;
        long panel1 = queries + queryStride;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(
                            FLOATS, memory, queries + d * VECTOR_BYTES, ORDER);
            FloatVector b =
                    FloatVector.fromMemorySegment(FLOATS, memory, panel1 + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            s0b = k0.fma(b, s0b);
            FloatVector k1 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            s1b = k1.fma(b, s1b);
            FloatVector k2 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            s2b = k2.fma(b, s2b);
            FloatVector k3 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
            s3b = k3.fma(b, s3b);
            FloatVector k4 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key4 + d * 4L));
            s4a = k4.fma(a, s4a);
            s4b = k4.fma(b, s4b);
            FloatVector k5 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key5 + d * 4L));
            s5a = k5.fma(a, s5a);
            s5b = k5.fma(b, s5b);
            FloatVector k6 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key6 + d * 4L));
            s6a = k6.fma(a, s6a);
            s6b = k6.fma(b, s6b);
            FloatVector k7 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key7 + d * 4L));
            s7a = k7.fma(a, s7a);
            s7b = k7.fma(b, s7b);
        }
        long out1 = out + outStride;
        s0a.intoMemorySegment(memory, out, ORDER);
        s1a.intoMemorySegment(memory, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(memory, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(memory, out + 3 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(memory, out + 4 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(memory, out + 5 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(memory, out + 6 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(memory, out + 7 * VECTOR_BYTES, ORDER);
        s0b.intoMemorySegment(memory, out1, ORDER);
        s1b.intoMemorySegment(memory, out1 + VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(memory, out1 + 2 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(memory, out1 + 3 * VECTOR_BYTES, ORDER);
        s4b.intoMemorySegment(memory, out1 + 4 * VECTOR_BYTES, ORDER);
        s5b.intoMemorySegment(memory, out1 + 5 * VECTOR_BYTES, ORDER);
        s6b.intoMemorySegment(memory, out1 + 6 * VECTOR_BYTES, ORDER);
        s7b.intoMemorySegment(memory, out1 + 7 * VECTOR_BYTES, ORDER);
    }

    /// Eight keys by one panel, for the last of an odd number.
    static void keys8panels1(
            MemorySegment memory, long keys, long keyStride, int dim, long queries, long out) {
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s4a = Lanes.zero();
        FloatVector s5a = Lanes.zero();
        FloatVector s6a = Lanes.zero();
        FloatVector s7a = Lanes.zero();
        long key1 = keys + keyStride;
        long key2 = keys + 2 * keyStride;
        long key3 = keys + 3 * keyStride;
        long key4 = keys + 4 * keyStride;
        long key5 = keys + 5 * keyStride;
        long key6 = keys + 6 * keyStride;
        long key7 = keys + 7 * keyStride;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(
                            FLOATS, memory, queries + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            FloatVector k1 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            FloatVector k2 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            FloatVector k3 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
            FloatVector k4 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key4 + d * 4L));
            s4a = k4.fma(a, s4a);
            FloatVector k5 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key5 + d * 4L));
            s5a = k5.fma(a, s5a);
            FloatVector k6 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key6 + d * 4L));
            s6a = k6.fma(a, s6a);
            FloatVector k7 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key7 + d * 4L));
            s7a = k7.fma(a, s7a);
        }
        s0a.intoMemorySegment(memory, out, ORDER);
        s1a.intoMemorySegment(memory, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(memory, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(memory, out + 3 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(memory, out + 4 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(memory, out + 5 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(memory, out + 6 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(memory, out + 7 * VECTOR_BYTES, ORDER);
    }

    /// Four keys by two panels: 8 sums, for machines with 16 registers.
    static void keys4panels2(
            MemorySegment memory,
            long keys,
            long keyStride,
            int dim,
            long queries,
            long queryStride,
            long out,
            long outStride) {
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s0b = Lanes.zero();
        FloatVector s1b = Lanes.zero();
        FloatVector s2b = Lanes.zero();
        FloatVector s3b = Lanes.zero();
        long key1 = keys + keyStride;
        long key2 = keys + 2 * keyStride;
        long key3 = keys + 3 * keyStride;
        long panel1 = queries + queryStride;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(
                            FLOATS, memory, queries + d * VECTOR_BYTES, ORDER);
            FloatVector b =
                    FloatVector.fromMemorySegment(FLOATS, memory, panel1 + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            s0b = k0.fma(b, s0b);
            FloatVector k1 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            s1b = k1.fma(b, s1b);
            FloatVector k2 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            s2b = k2.fma(b, s2b);
            FloatVector k3 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
            s3b = k3.fma(b, s3b);
        }
        long out1 = out + outStride;
        s0a.intoMemorySegment(memory, out, ORDER);
        s1a.intoMemorySegment(memory, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(memory, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(memory, out + 3 * VECTOR_BYTES, ORDER);
        s0b.intoMemorySegment(memory, out1, ORDER);
        s1b.intoMemorySegment(memory, out1 + VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(memory, out1 + 2 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(memory, out1 + 3 * VECTOR_BYTES, ORDER);
    }

    /// Four keys by one panel.
    static void keys4panels1(
            MemorySegment memory, long keys, long keyStride, int dim, long queries, long out) {
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        long key1 = keys + keyStride;
        long key2 = keys + 2 * keyStride;
        long key3 = keys + 3 * keyStride;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(
                            FLOATS, memory, queries + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            FloatVector k1 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            FloatVector k2 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            FloatVector k3 = FloatVector.broadcast(FLOATS, memory.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
        }
        s0a.intoMemorySegment(memory, out, ORDER);
        s1a.intoMemorySegment(memory, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(memory, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(memory, out + 3 * VECTOR_BYTES, ORDER);
    }

    /// `out += part`, `vectors` of them.
    static void add(MemorySegment memory, long out, long part, int vectors) {
        for (int i = 0; i < vectors; i++) {
            FloatVector sum =
                    FloatVector.fromMemorySegment(FLOATS, memory, out + i * VECTOR_BYTES, ORDER);
            sum.add(FloatVector.fromMemorySegment(FLOATS, memory, part + i * VECTOR_BYTES, ORDER))
                    .intoMemorySegment(memory, out + i * VECTOR_BYTES, ORDER);
        }
    }
}

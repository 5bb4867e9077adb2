package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;

import dev.halcyon.backend.cpu.memory.NativeMemory;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Register tiles of scores: some keys, each broadcast, by one or two panels of queries; every
/// result is overwritten.
///
/// Each method is one loop with its sums in named variables and nothing but stores behind it. C2
/// keeps vectors in registers only where it inlines every call, and it stops inlining when a method
/// grows: with 24 sums, or with 16 and their addition to what was there, these ran at a hundredth
/// of their speed. [#add] is therefore separate.
///
/// Memory is read by address, as [NativeMemory] says; the caller checks the ranges.
final class ScoreTile {
    private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
    private static final ByteOrder ORDER = Lanes.ORDER;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final long VECTOR_BYTES = 4L * Lanes.COUNT;

    private ScoreTile() {}

    /// Eight keys by two panels: 16 sums, for machines with 32 registers.
    static void keys8panels2(
            long keyAddress,
            long keyStride,
            int dim,
            long queryAddress,
            long queryStride,
            long outAddress,
            long outStride) {
        long keys = keyAddress & ADDRESS_BITS;
        long queries = queryAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
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
        long key1 = (keyAddress + keyStride) & ADDRESS_BITS;
        long key2 = (keyAddress + 2 * keyStride) & ADDRESS_BITS;
        long key3 = (keyAddress + 3 * keyStride) & ADDRESS_BITS;
        long key4 = (keyAddress + 4 * keyStride) & ADDRESS_BITS;
        long key5 = (keyAddress + 5 * keyStride) & ADDRESS_BITS;
        long key6 = (keyAddress + 6 * keyStride) & ADDRESS_BITS;
        long key7 = (keyAddress + 7 * keyStride) & ADDRESS_BITS;
        long panel1 = (queryAddress + queryStride) & ADDRESS_BITS;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(FLOATS, ALL, queries + d * VECTOR_BYTES, ORDER);
            FloatVector b =
                    FloatVector.fromMemorySegment(FLOATS, ALL, panel1 + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            s0b = k0.fma(b, s0b);
            FloatVector k1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            s1b = k1.fma(b, s1b);
            FloatVector k2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            s2b = k2.fma(b, s2b);
            FloatVector k3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
            s3b = k3.fma(b, s3b);
            FloatVector k4 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key4 + d * 4L));
            s4a = k4.fma(a, s4a);
            s4b = k4.fma(b, s4b);
            FloatVector k5 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key5 + d * 4L));
            s5a = k5.fma(a, s5a);
            s5b = k5.fma(b, s5b);
            FloatVector k6 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key6 + d * 4L));
            s6a = k6.fma(a, s6a);
            s6b = k6.fma(b, s6b);
            FloatVector k7 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key7 + d * 4L));
            s7a = k7.fma(a, s7a);
            s7b = k7.fma(b, s7b);
        }
        long out1 = (outAddress + outStride) & ADDRESS_BITS;
        s0a.intoMemorySegment(ALL, out, ORDER);
        s1a.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
        s0b.intoMemorySegment(ALL, out1, ORDER);
        s1b.intoMemorySegment(ALL, out1 + VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(ALL, out1 + 2 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(ALL, out1 + 3 * VECTOR_BYTES, ORDER);
        s4b.intoMemorySegment(ALL, out1 + 4 * VECTOR_BYTES, ORDER);
        s5b.intoMemorySegment(ALL, out1 + 5 * VECTOR_BYTES, ORDER);
        s6b.intoMemorySegment(ALL, out1 + 6 * VECTOR_BYTES, ORDER);
        s7b.intoMemorySegment(ALL, out1 + 7 * VECTOR_BYTES, ORDER);
    }

    /// Eight keys by one panel, for the last of an odd number.
    static void keys8panels1(
            long keyAddress, long keyStride, int dim, long queryAddress, long outAddress) {
        long keys = keyAddress & ADDRESS_BITS;
        long queries = queryAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s4a = Lanes.zero();
        FloatVector s5a = Lanes.zero();
        FloatVector s6a = Lanes.zero();
        FloatVector s7a = Lanes.zero();
        long key1 = (keyAddress + keyStride) & ADDRESS_BITS;
        long key2 = (keyAddress + 2 * keyStride) & ADDRESS_BITS;
        long key3 = (keyAddress + 3 * keyStride) & ADDRESS_BITS;
        long key4 = (keyAddress + 4 * keyStride) & ADDRESS_BITS;
        long key5 = (keyAddress + 5 * keyStride) & ADDRESS_BITS;
        long key6 = (keyAddress + 6 * keyStride) & ADDRESS_BITS;
        long key7 = (keyAddress + 7 * keyStride) & ADDRESS_BITS;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(FLOATS, ALL, queries + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            FloatVector k1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            FloatVector k2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            FloatVector k3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
            FloatVector k4 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key4 + d * 4L));
            s4a = k4.fma(a, s4a);
            FloatVector k5 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key5 + d * 4L));
            s5a = k5.fma(a, s5a);
            FloatVector k6 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key6 + d * 4L));
            s6a = k6.fma(a, s6a);
            FloatVector k7 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key7 + d * 4L));
            s7a = k7.fma(a, s7a);
        }
        s0a.intoMemorySegment(ALL, out, ORDER);
        s1a.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
    }

    /// Four keys by two panels: 8 sums, for machines with 16 registers.
    static void keys4panels2(
            long keyAddress,
            long keyStride,
            int dim,
            long queryAddress,
            long queryStride,
            long outAddress,
            long outStride) {
        long keys = keyAddress & ADDRESS_BITS;
        long queries = queryAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s0b = Lanes.zero();
        FloatVector s1b = Lanes.zero();
        FloatVector s2b = Lanes.zero();
        FloatVector s3b = Lanes.zero();
        long key1 = (keyAddress + keyStride) & ADDRESS_BITS;
        long key2 = (keyAddress + 2 * keyStride) & ADDRESS_BITS;
        long key3 = (keyAddress + 3 * keyStride) & ADDRESS_BITS;
        long panel1 = (queryAddress + queryStride) & ADDRESS_BITS;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(FLOATS, ALL, queries + d * VECTOR_BYTES, ORDER);
            FloatVector b =
                    FloatVector.fromMemorySegment(FLOATS, ALL, panel1 + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            s0b = k0.fma(b, s0b);
            FloatVector k1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            s1b = k1.fma(b, s1b);
            FloatVector k2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            s2b = k2.fma(b, s2b);
            FloatVector k3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
            s3b = k3.fma(b, s3b);
        }
        long out1 = (outAddress + outStride) & ADDRESS_BITS;
        s0a.intoMemorySegment(ALL, out, ORDER);
        s1a.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s0b.intoMemorySegment(ALL, out1, ORDER);
        s1b.intoMemorySegment(ALL, out1 + VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(ALL, out1 + 2 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(ALL, out1 + 3 * VECTOR_BYTES, ORDER);
    }

    /// Four keys by one panel.
    static void keys4panels1(
            long keyAddress, long keyStride, int dim, long queryAddress, long outAddress) {
        long keys = keyAddress & ADDRESS_BITS;
        long queries = queryAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        long key1 = (keyAddress + keyStride) & ADDRESS_BITS;
        long key2 = (keyAddress + 2 * keyStride) & ADDRESS_BITS;
        long key3 = (keyAddress + 3 * keyStride) & ADDRESS_BITS;
        for (int d = 0; d < dim; d++) {
            FloatVector a =
                    FloatVector.fromMemorySegment(FLOATS, ALL, queries + d * VECTOR_BYTES, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, keys + d * 4L));
            s0a = k0.fma(a, s0a);
            FloatVector k1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key1 + d * 4L));
            s1a = k1.fma(a, s1a);
            FloatVector k2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key2 + d * 4L));
            s2a = k2.fma(a, s2a);
            FloatVector k3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, key3 + d * 4L));
            s3a = k3.fma(a, s3a);
        }
        s0a.intoMemorySegment(ALL, out, ORDER);
        s1a.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
    }

    /// `out += part`, `vectors` of them.
    static void add(long outAddress, long partAddress, int vectors) {
        long out = outAddress & ADDRESS_BITS;
        long part = partAddress & ADDRESS_BITS;
        for (int i = 0; i < vectors; i++) {
            FloatVector sum =
                    FloatVector.fromMemorySegment(FLOATS, ALL, out + i * VECTOR_BYTES, ORDER);
            sum.add(FloatVector.fromMemorySegment(FLOATS, ALL, part + i * VECTOR_BYTES, ORDER))
                    .intoMemorySegment(ALL, out + i * VECTOR_BYTES, ORDER);
        }
    }
}

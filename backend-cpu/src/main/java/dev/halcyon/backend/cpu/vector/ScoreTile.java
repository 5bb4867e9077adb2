package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// Register tiles of scores: some keys of a group, each broadcast, by one or two panels of queries;
/// every result is overwritten.
///
/// Each method is one loop with its sums in named variables and nothing but stores behind it. C2
/// keeps vectors in registers only where it inlines every call, and it stops inlining when a method
/// grows: with 16 sums and their addition to what was there, these ran at a hundredth of their
/// speed. [#add] is therefore separate.
///
/// Memory is read by address, as [dev.halcyon.backend.cpu.memory.NativeMemory] says; the caller
/// checks the ranges. A step computes one address for all its keys and cuts that one: with an
/// address a key, eight of them lay on the stack, and cut before the loop, C2 checked the whole
/// range of each ahead of it, which took a fifth of the time. Floats are read through a handle of
/// their own, because sixteen calls of `get` are more than C2 inlines.
final class ScoreTile {
    private static final VarHandle FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.varHandle();
    private static final long VECTOR_BYTES = 4L * COUNT;

    /// Bytes of a group's keys for one dimension.
    private static final long GROUP_STEP = 4L * VectorAttentionLoops.GROUP;

    /// What is added to an address needs no check of its own if it is known to be small.
    private static final long STRIDE_BITS = (1L << 48) - 1;

    private ScoreTile() {}

    /// Eight keys by two panels: 16 sums, for machines with 32 registers.
    static void keys8panels2(
            long keyAddress,
            int dim,
            long queryAddress,
            long queryStride,
            long outAddress,
            long outStride) {
        long keys = keyAddress & ADDRESS_BITS;
        long queries = queryAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
        long other = queryStride & STRIDE_BITS;
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
        for (int d = 0; d < dim; d++) {
            long key = (keys + (d & -COUNT) * GROUP_STEP + (d & (COUNT - 1)) * 4L) & ADDRESS_BITS;
            long query = (queries + d * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, query, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, query + other, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key));
            s0a = k0.fma(a, s0a);
            s0b = k0.fma(b, s0b);
            FloatVector k1 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + VECTOR_BYTES));
            s1a = k1.fma(a, s1a);
            s1b = k1.fma(b, s1b);
            FloatVector k2 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 2 * VECTOR_BYTES));
            s2a = k2.fma(a, s2a);
            s2b = k2.fma(b, s2b);
            FloatVector k3 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 3 * VECTOR_BYTES));
            s3a = k3.fma(a, s3a);
            s3b = k3.fma(b, s3b);
            FloatVector k4 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 4 * VECTOR_BYTES));
            s4a = k4.fma(a, s4a);
            s4b = k4.fma(b, s4b);
            FloatVector k5 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 5 * VECTOR_BYTES));
            s5a = k5.fma(a, s5a);
            s5b = k5.fma(b, s5b);
            FloatVector k6 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 6 * VECTOR_BYTES));
            s6a = k6.fma(a, s6a);
            s6b = k6.fma(b, s6b);
            FloatVector k7 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 7 * VECTOR_BYTES));
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

    /// Sixteen keys by one panel.
    static void keys16panels1(long keyAddress, int dim, long queryAddress, long outAddress) {
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
        FloatVector s8a = Lanes.zero();
        FloatVector s9a = Lanes.zero();
        FloatVector s10a = Lanes.zero();
        FloatVector s11a = Lanes.zero();
        FloatVector s12a = Lanes.zero();
        FloatVector s13a = Lanes.zero();
        FloatVector s14a = Lanes.zero();
        FloatVector s15a = Lanes.zero();
        for (int d = 0; d < dim; d++) {
            long key = (keys + (d & -COUNT) * GROUP_STEP + (d & (COUNT - 1)) * 4L) & ADDRESS_BITS;
            long query = (queries + d * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, query, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key));
            s0a = k0.fma(a, s0a);
            FloatVector k1 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + VECTOR_BYTES));
            s1a = k1.fma(a, s1a);
            FloatVector k2 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 2 * VECTOR_BYTES));
            s2a = k2.fma(a, s2a);
            FloatVector k3 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 3 * VECTOR_BYTES));
            s3a = k3.fma(a, s3a);
            FloatVector k4 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 4 * VECTOR_BYTES));
            s4a = k4.fma(a, s4a);
            FloatVector k5 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 5 * VECTOR_BYTES));
            s5a = k5.fma(a, s5a);
            FloatVector k6 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 6 * VECTOR_BYTES));
            s6a = k6.fma(a, s6a);
            FloatVector k7 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 7 * VECTOR_BYTES));
            s7a = k7.fma(a, s7a);
            FloatVector k8 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 8 * VECTOR_BYTES));
            s8a = k8.fma(a, s8a);
            FloatVector k9 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 9 * VECTOR_BYTES));
            s9a = k9.fma(a, s9a);
            FloatVector k10 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 10 * VECTOR_BYTES));
            s10a = k10.fma(a, s10a);
            FloatVector k11 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 11 * VECTOR_BYTES));
            s11a = k11.fma(a, s11a);
            FloatVector k12 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 12 * VECTOR_BYTES));
            s12a = k12.fma(a, s12a);
            FloatVector k13 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 13 * VECTOR_BYTES));
            s13a = k13.fma(a, s13a);
            FloatVector k14 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 14 * VECTOR_BYTES));
            s14a = k14.fma(a, s14a);
            FloatVector k15 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 15 * VECTOR_BYTES));
            s15a = k15.fma(a, s15a);
        }
        s0a.intoMemorySegment(ALL, out, ORDER);
        s1a.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
        s8a.intoMemorySegment(ALL, out + 8 * VECTOR_BYTES, ORDER);
        s9a.intoMemorySegment(ALL, out + 9 * VECTOR_BYTES, ORDER);
        s10a.intoMemorySegment(ALL, out + 10 * VECTOR_BYTES, ORDER);
        s11a.intoMemorySegment(ALL, out + 11 * VECTOR_BYTES, ORDER);
        s12a.intoMemorySegment(ALL, out + 12 * VECTOR_BYTES, ORDER);
        s13a.intoMemorySegment(ALL, out + 13 * VECTOR_BYTES, ORDER);
        s14a.intoMemorySegment(ALL, out + 14 * VECTOR_BYTES, ORDER);
        s15a.intoMemorySegment(ALL, out + 15 * VECTOR_BYTES, ORDER);
    }

    /// Four keys by two panels: 8 sums, for machines with 16 registers.
    static void keys4panels2(
            long keyAddress,
            int dim,
            long queryAddress,
            long queryStride,
            long outAddress,
            long outStride) {
        long keys = keyAddress & ADDRESS_BITS;
        long queries = queryAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
        long other = queryStride & STRIDE_BITS;
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s0b = Lanes.zero();
        FloatVector s1b = Lanes.zero();
        FloatVector s2b = Lanes.zero();
        FloatVector s3b = Lanes.zero();
        for (int d = 0; d < dim; d++) {
            long key = (keys + (d & -COUNT) * GROUP_STEP + (d & (COUNT - 1)) * 4L) & ADDRESS_BITS;
            long query = (queries + d * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, query, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, query + other, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key));
            s0a = k0.fma(a, s0a);
            s0b = k0.fma(b, s0b);
            FloatVector k1 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + VECTOR_BYTES));
            s1a = k1.fma(a, s1a);
            s1b = k1.fma(b, s1b);
            FloatVector k2 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 2 * VECTOR_BYTES));
            s2a = k2.fma(a, s2a);
            s2b = k2.fma(b, s2b);
            FloatVector k3 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 3 * VECTOR_BYTES));
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

    /// Eight keys by one panel, for machines with 16 registers.
    static void keys8panels1(long keyAddress, int dim, long queryAddress, long outAddress) {
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
        for (int d = 0; d < dim; d++) {
            long key = (keys + (d & -COUNT) * GROUP_STEP + (d & (COUNT - 1)) * 4L) & ADDRESS_BITS;
            long query = (queries + d * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, query, ORDER);
            FloatVector k0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key));
            s0a = k0.fma(a, s0a);
            FloatVector k1 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + VECTOR_BYTES));
            s1a = k1.fma(a, s1a);
            FloatVector k2 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 2 * VECTOR_BYTES));
            s2a = k2.fma(a, s2a);
            FloatVector k3 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 3 * VECTOR_BYTES));
            s3a = k3.fma(a, s3a);
            FloatVector k4 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 4 * VECTOR_BYTES));
            s4a = k4.fma(a, s4a);
            FloatVector k5 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 5 * VECTOR_BYTES));
            s5a = k5.fma(a, s5a);
            FloatVector k6 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 6 * VECTOR_BYTES));
            s6a = k6.fma(a, s6a);
            FloatVector k7 =
                    FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, key + 7 * VECTOR_BYTES));
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

package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// Register tiles of weighted values: the weights of some lanes, each broadcast, by two or three
/// vectors of columns.
///
/// One loop a method, for the reason given at [ScoreTile], and by address as there; the caller
/// checks the ranges.
final class ValueTile {
    private static final VarHandle FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.varHandle();
    private static final long VECTOR_BYTES = 4L * COUNT;
    private static final int GROUP = VectorAttentionLoops.GROUP;
    private static final int GROUP_SHIFT = Integer.numberOfTrailingZeros(GROUP);

    /// From a vector of a row to its next one.
    private static final long CHUNK_BYTES = GROUP * VECTOR_BYTES;

    private ValueTile() {}

    /// Eight lanes by three vectors: 24 sums, for machines with 32 registers. They are written to
    /// `out`, lane after lane.
    static void lanes8vectors3(
            long weightAddress,
            int keyCount,
            long valueAddress,
            long groupStride,
            long outAddress) {
        long weights = weightAddress & ADDRESS_BITS;
        long values = valueAddress & ADDRESS_BITS;
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
        FloatVector s0c = Lanes.zero();
        FloatVector s1c = Lanes.zero();
        FloatVector s2c = Lanes.zero();
        FloatVector s3c = Lanes.zero();
        FloatVector s4c = Lanes.zero();
        FloatVector s5c = Lanes.zero();
        FloatVector s6c = Lanes.zero();
        FloatVector s7c = Lanes.zero();
        for (int key = 0; key < keyCount; key++) {
            long value =
                    (values
                                    + (key >> GROUP_SHIFT) * groupStride
                                    + (key & (GROUP - 1)) * VECTOR_BYTES)
                            & ADDRESS_BITS;
            long weight = (weights + key * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, value, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, value + CHUNK_BYTES, ORDER);
            FloatVector c =
                    FloatVector.fromMemorySegment(FLOATS, ALL, value + 2 * CHUNK_BYTES, ORDER);
            FloatVector w0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight));
            s0a = w0.fma(a, s0a);
            s0b = w0.fma(b, s0b);
            s0c = w0.fma(c, s0c);
            FloatVector w1 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 4));
            s1a = w1.fma(a, s1a);
            s1b = w1.fma(b, s1b);
            s1c = w1.fma(c, s1c);
            FloatVector w2 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 8));
            s2a = w2.fma(a, s2a);
            s2b = w2.fma(b, s2b);
            s2c = w2.fma(c, s2c);
            FloatVector w3 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 12));
            s3a = w3.fma(a, s3a);
            s3b = w3.fma(b, s3b);
            s3c = w3.fma(c, s3c);
            FloatVector w4 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 16));
            s4a = w4.fma(a, s4a);
            s4b = w4.fma(b, s4b);
            s4c = w4.fma(c, s4c);
            FloatVector w5 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 20));
            s5a = w5.fma(a, s5a);
            s5b = w5.fma(b, s5b);
            s5c = w5.fma(c, s5c);
            FloatVector w6 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 24));
            s6a = w6.fma(a, s6a);
            s6b = w6.fma(b, s6b);
            s6c = w6.fma(c, s6c);
            FloatVector w7 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 28));
            s7a = w7.fma(a, s7a);
            s7b = w7.fma(b, s7b);
            s7c = w7.fma(c, s7c);
        }
        s0a.intoMemorySegment(ALL, out, ORDER);
        s0b.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s0c.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s1b.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s1c.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
        s2c.intoMemorySegment(ALL, out + 8 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 9 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(ALL, out + 10 * VECTOR_BYTES, ORDER);
        s3c.intoMemorySegment(ALL, out + 11 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(ALL, out + 12 * VECTOR_BYTES, ORDER);
        s4b.intoMemorySegment(ALL, out + 13 * VECTOR_BYTES, ORDER);
        s4c.intoMemorySegment(ALL, out + 14 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(ALL, out + 15 * VECTOR_BYTES, ORDER);
        s5b.intoMemorySegment(ALL, out + 16 * VECTOR_BYTES, ORDER);
        s5c.intoMemorySegment(ALL, out + 17 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(ALL, out + 18 * VECTOR_BYTES, ORDER);
        s6b.intoMemorySegment(ALL, out + 19 * VECTOR_BYTES, ORDER);
        s6c.intoMemorySegment(ALL, out + 20 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(ALL, out + 21 * VECTOR_BYTES, ORDER);
        s7b.intoMemorySegment(ALL, out + 22 * VECTOR_BYTES, ORDER);
        s7c.intoMemorySegment(ALL, out + 23 * VECTOR_BYTES, ORDER);
    }

    /// Eight lanes by two vectors.
    static void lanes8vectors2(
            long weightAddress,
            int keyCount,
            long valueAddress,
            long groupStride,
            long outAddress) {
        long weights = weightAddress & ADDRESS_BITS;
        long values = valueAddress & ADDRESS_BITS;
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
        for (int key = 0; key < keyCount; key++) {
            long value =
                    (values
                                    + (key >> GROUP_SHIFT) * groupStride
                                    + (key & (GROUP - 1)) * VECTOR_BYTES)
                            & ADDRESS_BITS;
            long weight = (weights + key * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, value, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, value + CHUNK_BYTES, ORDER);
            FloatVector w0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight));
            s0a = w0.fma(a, s0a);
            s0b = w0.fma(b, s0b);
            FloatVector w1 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 4));
            s1a = w1.fma(a, s1a);
            s1b = w1.fma(b, s1b);
            FloatVector w2 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 8));
            s2a = w2.fma(a, s2a);
            s2b = w2.fma(b, s2b);
            FloatVector w3 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 12));
            s3a = w3.fma(a, s3a);
            s3b = w3.fma(b, s3b);
            FloatVector w4 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 16));
            s4a = w4.fma(a, s4a);
            s4b = w4.fma(b, s4b);
            FloatVector w5 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 20));
            s5a = w5.fma(a, s5a);
            s5b = w5.fma(b, s5b);
            FloatVector w6 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 24));
            s6a = w6.fma(a, s6a);
            s6b = w6.fma(b, s6b);
            FloatVector w7 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 28));
            s7a = w7.fma(a, s7a);
            s7b = w7.fma(b, s7b);
        }
        s0a.intoMemorySegment(ALL, out, ORDER);
        s0b.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s1b.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
        s4a.intoMemorySegment(ALL, out + 8 * VECTOR_BYTES, ORDER);
        s4b.intoMemorySegment(ALL, out + 9 * VECTOR_BYTES, ORDER);
        s5a.intoMemorySegment(ALL, out + 10 * VECTOR_BYTES, ORDER);
        s5b.intoMemorySegment(ALL, out + 11 * VECTOR_BYTES, ORDER);
        s6a.intoMemorySegment(ALL, out + 12 * VECTOR_BYTES, ORDER);
        s6b.intoMemorySegment(ALL, out + 13 * VECTOR_BYTES, ORDER);
        s7a.intoMemorySegment(ALL, out + 14 * VECTOR_BYTES, ORDER);
        s7b.intoMemorySegment(ALL, out + 15 * VECTOR_BYTES, ORDER);
    }

    /// Four lanes by two vectors: 8 sums, for machines with 16 registers.
    static void lanes4vectors2(
            long weightAddress,
            int keyCount,
            long valueAddress,
            long groupStride,
            long outAddress) {
        long weights = weightAddress & ADDRESS_BITS;
        long values = valueAddress & ADDRESS_BITS;
        long out = outAddress & ADDRESS_BITS;
        FloatVector s0a = Lanes.zero();
        FloatVector s1a = Lanes.zero();
        FloatVector s2a = Lanes.zero();
        FloatVector s3a = Lanes.zero();
        FloatVector s0b = Lanes.zero();
        FloatVector s1b = Lanes.zero();
        FloatVector s2b = Lanes.zero();
        FloatVector s3b = Lanes.zero();
        for (int key = 0; key < keyCount; key++) {
            long value =
                    (values
                                    + (key >> GROUP_SHIFT) * groupStride
                                    + (key & (GROUP - 1)) * VECTOR_BYTES)
                            & ADDRESS_BITS;
            long weight = (weights + key * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, value, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, value + CHUNK_BYTES, ORDER);
            FloatVector w0 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight));
            s0a = w0.fma(a, s0a);
            s0b = w0.fma(b, s0b);
            FloatVector w1 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 4));
            s1a = w1.fma(a, s1a);
            s1b = w1.fma(b, s1b);
            FloatVector w2 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 8));
            s2a = w2.fma(a, s2a);
            s2b = w2.fma(b, s2b);
            FloatVector w3 = FloatVector.broadcast(FLOATS, (float) FLOAT.get(ALL, weight + 12));
            s3a = w3.fma(a, s3a);
            s3b = w3.fma(b, s3b);
        }
        s0a.intoMemorySegment(ALL, out, ORDER);
        s0b.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s1b.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
    }

    /// `sums[lane] = part[lane]` for some vectors of each lane.
    static void copy(long sumAddress, long sumStride, long partAddress, int lanes, int vectors) {
        long part = partAddress & ADDRESS_BITS;
        for (int lane = 0; lane < lanes; lane++) {
            long row = (sumAddress + lane * sumStride) & ADDRESS_BITS;
            long from = (part + lane * vectors * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER)
                    .intoMemorySegment(ALL, row, ORDER);
            FloatVector.fromMemorySegment(FLOATS, ALL, from + VECTOR_BYTES, ORDER)
                    .intoMemorySegment(ALL, row + VECTOR_BYTES, ORDER);
            if (vectors > 2) {
                FloatVector.fromMemorySegment(FLOATS, ALL, from + 2 * VECTOR_BYTES, ORDER)
                        .intoMemorySegment(ALL, row + 2 * VECTOR_BYTES, ORDER);
            }
        }
    }

    /// `sums[lane] = correction[lane] * sums[lane] + part[lane]` for some vectors of each lane.
    static void add(
            long sumAddress,
            long sumStride,
            long correctionAddress,
            long partAddress,
            int lanes,
            int vectors) {
        long correction = correctionAddress & ADDRESS_BITS;
        long part = partAddress & ADDRESS_BITS;
        for (int lane = 0; lane < lanes; lane++) {
            long row = (sumAddress + lane * sumStride) & ADDRESS_BITS;
            long added = (part + lane * vectors * VECTOR_BYTES) & ADDRESS_BITS;
            FloatVector kept =
                    FloatVector.broadcast(
                            FLOATS,
                            (float) FLOAT.get(ALL, (correction + lane * 4L) & ADDRESS_BITS));
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, row, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, row + VECTOR_BYTES, ORDER);
            kept.fma(a, FloatVector.fromMemorySegment(FLOATS, ALL, added, ORDER))
                    .intoMemorySegment(ALL, row, ORDER);
            kept.fma(b, FloatVector.fromMemorySegment(FLOATS, ALL, added + VECTOR_BYTES, ORDER))
                    .intoMemorySegment(ALL, row + VECTOR_BYTES, ORDER);
            if (vectors > 2) {
                FloatVector c =
                        FloatVector.fromMemorySegment(FLOATS, ALL, row + 2 * VECTOR_BYTES, ORDER);
                kept.fma(
                                c,
                                FloatVector.fromMemorySegment(
                                        FLOATS, ALL, added + 2 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(ALL, row + 2 * VECTOR_BYTES, ORDER);
            }
        }
    }
}

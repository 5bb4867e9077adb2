package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;

import java.lang.foreign.ValueLayout;

/// Register tiles of weighted values: the weights of some lanes, each broadcast, by two or three
/// vectors of columns.
///
/// One loop a method, for the reason given at [ScoreTile], and by address as there; the caller
/// checks the ranges.
final class ValueTile {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final long VECTOR_BYTES = 4L * COUNT;
    private static final int GROUP = VectorAttentionLoops.GROUP;
    private static final int GROUP_SHIFT = Integer.numberOfTrailingZeros(GROUP);

    /// From a vector of a row to its next one.
    private static final long CHUNK_BYTES = GROUP * VECTOR_BYTES;

    private ValueTile() {}

    /// Eight lanes by three vectors: 24 sums, for machines with 32 registers. They are written to
    /// `out`, lane after lane.
    static void lanes8vectors3(
            long weightAddress, int keyCount, long valueAddress, long groupStride, float[] out) {
        long weights = weightAddress & ADDRESS_BITS;
        long values = valueAddress & ADDRESS_BITS;
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
            FloatVector w0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight));
            s0a = w0.fma(a, s0a);
            s0b = w0.fma(b, s0b);
            s0c = w0.fma(c, s0c);
            FloatVector w1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 4));
            s1a = w1.fma(a, s1a);
            s1b = w1.fma(b, s1b);
            s1c = w1.fma(c, s1c);
            FloatVector w2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 8));
            s2a = w2.fma(a, s2a);
            s2b = w2.fma(b, s2b);
            s2c = w2.fma(c, s2c);
            FloatVector w3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 12));
            s3a = w3.fma(a, s3a);
            s3b = w3.fma(b, s3b);
            s3c = w3.fma(c, s3c);
            FloatVector w4 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 16));
            s4a = w4.fma(a, s4a);
            s4b = w4.fma(b, s4b);
            s4c = w4.fma(c, s4c);
            FloatVector w5 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 20));
            s5a = w5.fma(a, s5a);
            s5b = w5.fma(b, s5b);
            s5c = w5.fma(c, s5c);
            FloatVector w6 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 24));
            s6a = w6.fma(a, s6a);
            s6b = w6.fma(b, s6b);
            s6c = w6.fma(c, s6c);
            FloatVector w7 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 28));
            s7a = w7.fma(a, s7a);
            s7b = w7.fma(b, s7b);
            s7c = w7.fma(c, s7c);
        }
        s0a.intoArray(out, 0);
        s0b.intoArray(out, COUNT);
        s0c.intoArray(out, 2 * COUNT);
        s1a.intoArray(out, 3 * COUNT);
        s1b.intoArray(out, 4 * COUNT);
        s1c.intoArray(out, 5 * COUNT);
        s2a.intoArray(out, 6 * COUNT);
        s2b.intoArray(out, 7 * COUNT);
        s2c.intoArray(out, 8 * COUNT);
        s3a.intoArray(out, 9 * COUNT);
        s3b.intoArray(out, 10 * COUNT);
        s3c.intoArray(out, 11 * COUNT);
        s4a.intoArray(out, 12 * COUNT);
        s4b.intoArray(out, 13 * COUNT);
        s4c.intoArray(out, 14 * COUNT);
        s5a.intoArray(out, 15 * COUNT);
        s5b.intoArray(out, 16 * COUNT);
        s5c.intoArray(out, 17 * COUNT);
        s6a.intoArray(out, 18 * COUNT);
        s6b.intoArray(out, 19 * COUNT);
        s6c.intoArray(out, 20 * COUNT);
        s7a.intoArray(out, 21 * COUNT);
        s7b.intoArray(out, 22 * COUNT);
        s7c.intoArray(out, 23 * COUNT);
    }

    /// Eight lanes by two vectors.
    static void lanes8vectors2(
            long weightAddress, int keyCount, long valueAddress, long groupStride, float[] out) {
        long weights = weightAddress & ADDRESS_BITS;
        long values = valueAddress & ADDRESS_BITS;
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
            FloatVector w0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight));
            s0a = w0.fma(a, s0a);
            s0b = w0.fma(b, s0b);
            FloatVector w1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 4));
            s1a = w1.fma(a, s1a);
            s1b = w1.fma(b, s1b);
            FloatVector w2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 8));
            s2a = w2.fma(a, s2a);
            s2b = w2.fma(b, s2b);
            FloatVector w3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 12));
            s3a = w3.fma(a, s3a);
            s3b = w3.fma(b, s3b);
            FloatVector w4 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 16));
            s4a = w4.fma(a, s4a);
            s4b = w4.fma(b, s4b);
            FloatVector w5 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 20));
            s5a = w5.fma(a, s5a);
            s5b = w5.fma(b, s5b);
            FloatVector w6 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 24));
            s6a = w6.fma(a, s6a);
            s6b = w6.fma(b, s6b);
            FloatVector w7 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 28));
            s7a = w7.fma(a, s7a);
            s7b = w7.fma(b, s7b);
        }
        s0a.intoArray(out, 0);
        s0b.intoArray(out, COUNT);
        s1a.intoArray(out, 2 * COUNT);
        s1b.intoArray(out, 3 * COUNT);
        s2a.intoArray(out, 4 * COUNT);
        s2b.intoArray(out, 5 * COUNT);
        s3a.intoArray(out, 6 * COUNT);
        s3b.intoArray(out, 7 * COUNT);
        s4a.intoArray(out, 8 * COUNT);
        s4b.intoArray(out, 9 * COUNT);
        s5a.intoArray(out, 10 * COUNT);
        s5b.intoArray(out, 11 * COUNT);
        s6a.intoArray(out, 12 * COUNT);
        s6b.intoArray(out, 13 * COUNT);
        s7a.intoArray(out, 14 * COUNT);
        s7b.intoArray(out, 15 * COUNT);
    }

    /// Four lanes by two vectors: 8 sums, for machines with 16 registers.
    static void lanes4vectors2(
            long weightAddress, int keyCount, long valueAddress, long groupStride, float[] out) {
        long weights = weightAddress & ADDRESS_BITS;
        long values = valueAddress & ADDRESS_BITS;
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
            FloatVector w0 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight));
            s0a = w0.fma(a, s0a);
            s0b = w0.fma(b, s0b);
            FloatVector w1 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 4));
            s1a = w1.fma(a, s1a);
            s1b = w1.fma(b, s1b);
            FloatVector w2 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 8));
            s2a = w2.fma(a, s2a);
            s2b = w2.fma(b, s2b);
            FloatVector w3 = FloatVector.broadcast(FLOATS, ALL.get(FLOAT, weight + 12));
            s3a = w3.fma(a, s3a);
            s3b = w3.fma(b, s3b);
        }
        s0a.intoArray(out, 0);
        s0b.intoArray(out, COUNT);
        s1a.intoArray(out, 2 * COUNT);
        s1b.intoArray(out, 3 * COUNT);
        s2a.intoArray(out, 4 * COUNT);
        s2b.intoArray(out, 5 * COUNT);
        s3a.intoArray(out, 6 * COUNT);
        s3b.intoArray(out, 7 * COUNT);
    }

    /// `sums[lane] = part[lane]` for some vectors of each lane.
    static void copy(long sumAddress, long sumStride, float[] part, int lanes, int vectors) {
        for (int lane = 0; lane < lanes; lane++) {
            long row = (sumAddress + lane * sumStride) & ADDRESS_BITS;
            int from = lane * vectors * COUNT;
            FloatVector.fromArray(FLOATS, part, from).intoMemorySegment(ALL, row, ORDER);
            FloatVector.fromArray(FLOATS, part, from + COUNT)
                    .intoMemorySegment(ALL, row + VECTOR_BYTES, ORDER);
            if (vectors > 2) {
                FloatVector.fromArray(FLOATS, part, from + 2 * COUNT)
                        .intoMemorySegment(ALL, row + 2 * VECTOR_BYTES, ORDER);
            }
        }
    }

    /// `sums[lane] = correction[lane] * sums[lane] + part[lane]` for some vectors of each lane.
    static void add(
            long sumAddress,
            long sumStride,
            long correctionAddress,
            float[] part,
            int lanes,
            int vectors) {
        long correction = correctionAddress & ADDRESS_BITS;
        for (int lane = 0; lane < lanes; lane++) {
            long row = (sumAddress + lane * sumStride) & ADDRESS_BITS;
            int added = lane * vectors * COUNT;
            FloatVector kept =
                    FloatVector.broadcast(
                            FLOATS, ALL.get(FLOAT, (correction + lane * 4L) & ADDRESS_BITS));
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, row, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, row + VECTOR_BYTES, ORDER);
            kept.fma(a, FloatVector.fromArray(FLOATS, part, added))
                    .intoMemorySegment(ALL, row, ORDER);
            kept.fma(b, FloatVector.fromArray(FLOATS, part, added + COUNT))
                    .intoMemorySegment(ALL, row + VECTOR_BYTES, ORDER);
            if (vectors > 2) {
                FloatVector c =
                        FloatVector.fromMemorySegment(FLOATS, ALL, row + 2 * VECTOR_BYTES, ORDER);
                kept.fma(c, FloatVector.fromArray(FLOATS, part, added + 2 * COUNT))
                        .intoMemorySegment(ALL, row + 2 * VECTOR_BYTES, ORDER);
            }
        }
    }
}

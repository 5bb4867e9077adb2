package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;

import dev.halcyon.backend.cpu.memory.NativeMemory;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Register tiles of weighted values: the weights of some lanes, each broadcast, by two vectors of
/// columns.
///
/// One loop a method, for the reason given at [ScoreTile], and by address, as [NativeMemory] says;
/// the caller checks the ranges.
final class ValueTile {
    private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
    private static final ByteOrder ORDER = Lanes.ORDER;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final long VECTOR_BYTES = 4L * Lanes.COUNT;

    private ValueTile() {}

    /// Eight lanes: 16 sums, for machines with 32 registers. They are written to `out`, lane after
    /// lane.
    static void lanes8(
            long weightAddress,
            int keyCount,
            long valueAddress,
            long valueStride,
            long outAddress) {
        long weights = weightAddress & ADDRESS_BITS;
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
            long row = (valueAddress + key * valueStride) & ADDRESS_BITS;
            long weight = weights + key * VECTOR_BYTES;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, row, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, row + VECTOR_BYTES, ORDER);
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

    /// Four lanes: 8 sums, for machines with 16 registers.
    static void lanes4(
            long weightAddress,
            int keyCount,
            long valueAddress,
            long valueStride,
            long outAddress) {
        long weights = weightAddress & ADDRESS_BITS;
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
            long row = (valueAddress + key * valueStride) & ADDRESS_BITS;
            long weight = weights + key * VECTOR_BYTES;
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, row, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, row + VECTOR_BYTES, ORDER);
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
        s0a.intoMemorySegment(ALL, out, ORDER);
        s0b.intoMemorySegment(ALL, out + VECTOR_BYTES, ORDER);
        s1a.intoMemorySegment(ALL, out + 2 * VECTOR_BYTES, ORDER);
        s1b.intoMemorySegment(ALL, out + 3 * VECTOR_BYTES, ORDER);
        s2a.intoMemorySegment(ALL, out + 4 * VECTOR_BYTES, ORDER);
        s2b.intoMemorySegment(ALL, out + 5 * VECTOR_BYTES, ORDER);
        s3a.intoMemorySegment(ALL, out + 6 * VECTOR_BYTES, ORDER);
        s3b.intoMemorySegment(ALL, out + 7 * VECTOR_BYTES, ORDER);
    }

    /// `sums[lane] = part[lane]` for the two vectors of each lane.
    static void copy(long sumAddress, long sumStride, long partAddress, int lanes) {
        long part = partAddress & ADDRESS_BITS;
        for (int lane = 0; lane < lanes; lane++) {
            long row = (sumAddress + lane * sumStride) & ADDRESS_BITS;
            long from = part + lane * 2L * VECTOR_BYTES;
            FloatVector.fromMemorySegment(FLOATS, ALL, from, ORDER)
                    .intoMemorySegment(ALL, row, ORDER);
            FloatVector.fromMemorySegment(FLOATS, ALL, from + VECTOR_BYTES, ORDER)
                    .intoMemorySegment(ALL, row + VECTOR_BYTES, ORDER);
        }
    }

    /// `sums[lane] = correction[lane] * sums[lane] + part[lane]` for the two vectors of each lane.
    static void add(
            long sumAddress, long sumStride, long correctionAddress, long partAddress, int lanes) {
        long correction = correctionAddress & ADDRESS_BITS;
        long part = partAddress & ADDRESS_BITS;
        for (int lane = 0; lane < lanes; lane++) {
            long row = (sumAddress + lane * sumStride) & ADDRESS_BITS;
            long added = part + lane * 2L * VECTOR_BYTES;
            FloatVector kept =
                    FloatVector.broadcast(FLOATS, ALL.get(FLOAT, correction + lane * 4L));
            FloatVector a = FloatVector.fromMemorySegment(FLOATS, ALL, row, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(FLOATS, ALL, row + VECTOR_BYTES, ORDER);
            kept.fma(a, FloatVector.fromMemorySegment(FLOATS, ALL, added, ORDER))
                    .intoMemorySegment(ALL, row, ORDER);
            kept.fma(b, FloatVector.fromMemorySegment(FLOATS, ALL, added + VECTOR_BYTES, ORDER))
                    .intoMemorySegment(ALL, row + VECTOR_BYTES, ORDER);
        }
    }
}

package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.ExpTwo;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/// One step of the online softmax of a panel: every lane its own query, so nothing crosses lanes.
///
/// The polynomial of [ExpTwo] stands here twice, for the reason given at [ScoreTile].
final class SoftmaxTile {
    private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
    private static final ByteOrder ORDER = Lanes.ORDER;
    private static final long VECTOR_BYTES = 4L * Lanes.COUNT;
    private static final int EXPONENT_SHIFT = 23;

    private SoftmaxTile() {}

    static void panel(
            MemorySegment memory,
            long scores,
            int keyCount,
            float scale,
            long max,
            long sum,
            long correction) {
        FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int key = 0; key < keyCount; key++) {
            largest =
                    largest.max(
                            FloatVector.fromMemorySegment(
                                    FLOATS, memory, scores + key * VECTOR_BYTES, ORDER));
        }
        FloatVector before = FloatVector.fromMemorySegment(FLOATS, memory, max, ORDER);
        FloatVector after = before.max(largest.mul(scale));
        after.intoMemorySegment(memory, max, ORDER);
        // Minus infinity less minus infinity is no number; a lane without keys is shifted by
        // nothing.
        FloatVector down =
                after.blend(0f, after.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY)).neg();

        FloatVector slope = FloatVector.broadcast(FLOATS, scale);
        FloatVector round = FloatVector.broadcast(FLOATS, ExpTwo.ROUND);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        FloatVector c1 = FloatVector.broadcast(FLOATS, ExpTwo.C1);
        FloatVector c2 = FloatVector.broadcast(FLOATS, ExpTwo.C2);
        FloatVector c3 = FloatVector.broadcast(FLOATS, ExpTwo.C3);
        FloatVector c4 = FloatVector.broadcast(FLOATS, ExpTwo.C4);
        FloatVector c5 = FloatVector.broadcast(FLOATS, ExpTwo.C5);
        FloatVector c6 = FloatVector.broadcast(FLOATS, ExpTwo.C6);

        FloatVector total = Lanes.zero();
        for (int key = 0; key < keyCount; key++) {
            long at = scores + key * VECTOR_BYTES;
            FloatVector x =
                    FloatVector.fromMemorySegment(FLOATS, memory, at, ORDER).fma(slope, down);
            FloatVector shifted = x.add(round);
            FloatVector f = x.sub(shifted.sub(round));
            FloatVector p = c6.fma(f, c5).fma(f, c4).fma(f, c3).fma(f, c2).fma(f, c1).fma(f, one);
            FloatVector weight =
                    shifted.reinterpretAsInts()
                            .sub(ExpTwo.ROUND_BITS)
                            .lanewise(VectorOperators.LSHL, EXPONENT_SHIFT)
                            .add(p.reinterpretAsInts())
                            .reinterpretAsFloats()
                            .blend(0f, x.compare(VectorOperators.LT, ExpTwo.LOWEST));
            weight.intoMemorySegment(memory, at, ORDER);
            total = total.add(weight);
        }

        FloatVector change = before.add(down);
        FloatVector shifted = change.add(round);
        FloatVector f = change.sub(shifted.sub(round));
        FloatVector p = c6.fma(f, c5).fma(f, c4).fma(f, c3).fma(f, c2).fma(f, c1).fma(f, one);
        FloatVector kept =
                shifted.reinterpretAsInts()
                        .sub(ExpTwo.ROUND_BITS)
                        .lanewise(VectorOperators.LSHL, EXPONENT_SHIFT)
                        .add(p.reinterpretAsInts())
                        .reinterpretAsFloats()
                        .blend(0f, change.compare(VectorOperators.LT, ExpTwo.LOWEST));
        kept.intoMemorySegment(memory, correction, ORDER);
        FloatVector.fromMemorySegment(FLOATS, memory, sum, ORDER)
                .fma(kept, total)
                .intoMemorySegment(memory, sum, ORDER);
    }
}

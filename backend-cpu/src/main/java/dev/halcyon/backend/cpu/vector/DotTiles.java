package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;

/// Tiles of 1, 2 or 4 left-hand rows and four weight rows, lanes along k, one vector of partial
/// sums an element.
///
/// The tiles are written out because C2 gives up on inlining methods of ours into a body of this
/// size, and then allocates a vector object for every operation.
final class DotTiles {
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;

    private static final int UPPER = 0xffff0000;

    private DotTiles() {}

    static void f32Rows1(
            MemorySegment left,
            long leftAt,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        for (int i = 0; i < k; i += COUNT) {
            long at = i * 4L;
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, right, rightAt0 + at, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, right, rightAt1 + at, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, right, rightAt2 + at, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, right, rightAt3 + at, ORDER);
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + at, ORDER);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
        }
        s00.intoArray(sums, sumsAt);
        s01.intoArray(sums, sumsAt + COUNT);
        s02.intoArray(sums, sumsAt + 2 * COUNT);
        s03.intoArray(sums, sumsAt + 3 * COUNT);
    }

    static void f32Rows2(
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, sumsAt + 4 * COUNT);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, sumsAt + 5 * COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, sums, sumsAt + 6 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, sums, sumsAt + 7 * COUNT);
        long leftAt1 = leftAt + leftPitch;
        for (int i = 0; i < k; i += COUNT) {
            long at = i * 4L;
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, right, rightAt0 + at, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, right, rightAt1 + at, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, right, rightAt2 + at, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, right, rightAt3 + at, ORDER);
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + at, ORDER);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, left, leftAt1 + at, ORDER);
            s10 = x1.fma(w0, s10);
            s11 = x1.fma(w1, s11);
            s12 = x1.fma(w2, s12);
            s13 = x1.fma(w3, s13);
        }
        s00.intoArray(sums, sumsAt);
        s01.intoArray(sums, sumsAt + COUNT);
        s02.intoArray(sums, sumsAt + 2 * COUNT);
        s03.intoArray(sums, sumsAt + 3 * COUNT);
        s10.intoArray(sums, sumsAt + 4 * COUNT);
        s11.intoArray(sums, sumsAt + 5 * COUNT);
        s12.intoArray(sums, sumsAt + 6 * COUNT);
        s13.intoArray(sums, sumsAt + 7 * COUNT);
    }

    static void f32Rows4(
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, sumsAt + 4 * COUNT);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, sumsAt + 5 * COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, sums, sumsAt + 6 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, sums, sumsAt + 7 * COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, sumsAt + 8 * COUNT);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, sumsAt + 9 * COUNT);
        FloatVector s22 = FloatVector.fromArray(FLOATS, sums, sumsAt + 10 * COUNT);
        FloatVector s23 = FloatVector.fromArray(FLOATS, sums, sumsAt + 11 * COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, sumsAt + 12 * COUNT);
        FloatVector s31 = FloatVector.fromArray(FLOATS, sums, sumsAt + 13 * COUNT);
        FloatVector s32 = FloatVector.fromArray(FLOATS, sums, sumsAt + 14 * COUNT);
        FloatVector s33 = FloatVector.fromArray(FLOATS, sums, sumsAt + 15 * COUNT);
        long leftAt1 = leftAt + leftPitch;
        long leftAt2 = leftAt + 2 * leftPitch;
        long leftAt3 = leftAt + 3 * leftPitch;
        for (int i = 0; i < k; i += COUNT) {
            long at = i * 4L;
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, right, rightAt0 + at, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, right, rightAt1 + at, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, right, rightAt2 + at, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, right, rightAt3 + at, ORDER);
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + at, ORDER);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, left, leftAt1 + at, ORDER);
            s10 = x1.fma(w0, s10);
            s11 = x1.fma(w1, s11);
            s12 = x1.fma(w2, s12);
            s13 = x1.fma(w3, s13);
            FloatVector x2 = FloatVector.fromMemorySegment(FLOATS, left, leftAt2 + at, ORDER);
            s20 = x2.fma(w0, s20);
            s21 = x2.fma(w1, s21);
            s22 = x2.fma(w2, s22);
            s23 = x2.fma(w3, s23);
            FloatVector x3 = FloatVector.fromMemorySegment(FLOATS, left, leftAt3 + at, ORDER);
            s30 = x3.fma(w0, s30);
            s31 = x3.fma(w1, s31);
            s32 = x3.fma(w2, s32);
            s33 = x3.fma(w3, s33);
        }
        s00.intoArray(sums, sumsAt);
        s01.intoArray(sums, sumsAt + COUNT);
        s02.intoArray(sums, sumsAt + 2 * COUNT);
        s03.intoArray(sums, sumsAt + 3 * COUNT);
        s10.intoArray(sums, sumsAt + 4 * COUNT);
        s11.intoArray(sums, sumsAt + 5 * COUNT);
        s12.intoArray(sums, sumsAt + 6 * COUNT);
        s13.intoArray(sums, sumsAt + 7 * COUNT);
        s20.intoArray(sums, sumsAt + 8 * COUNT);
        s21.intoArray(sums, sumsAt + 9 * COUNT);
        s22.intoArray(sums, sumsAt + 10 * COUNT);
        s23.intoArray(sums, sumsAt + 11 * COUNT);
        s30.intoArray(sums, sumsAt + 12 * COUNT);
        s31.intoArray(sums, sumsAt + 13 * COUNT);
        s32.intoArray(sums, sumsAt + 14 * COUNT);
        s33.intoArray(sums, sumsAt + 15 * COUNT);
    }

    static void bf16Rows1(
            MemorySegment left,
            long leftAt,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        for (int i = 0; i < k; i += 2 * COUNT) {
            long pairs = i * 2L;
            long at = i * 4L;
            IntVector p0 = IntVector.fromMemorySegment(INTS, right, rightAt0 + pairs, ORDER);
            IntVector p1 = IntVector.fromMemorySegment(INTS, right, rightAt1 + pairs, ORDER);
            IntVector p2 = IntVector.fromMemorySegment(INTS, right, rightAt2 + pairs, ORDER);
            IntVector p3 = IntVector.fromMemorySegment(INTS, right, rightAt3 + pairs, ORDER);
            FloatVector w0 = p0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w1 = p1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w2 = p2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w3 = p3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + at, ORDER);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
            long odd = at + VECTOR_BYTES;
            FloatVector v0 = p0.and(UPPER).reinterpretAsFloats();
            FloatVector v1 = p1.and(UPPER).reinterpretAsFloats();
            FloatVector v2 = p2.and(UPPER).reinterpretAsFloats();
            FloatVector v3 = p3.and(UPPER).reinterpretAsFloats();
            FloatVector y0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + odd, ORDER);
            s00 = y0.fma(v0, s00);
            s01 = y0.fma(v1, s01);
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
        }
        s00.intoArray(sums, sumsAt);
        s01.intoArray(sums, sumsAt + COUNT);
        s02.intoArray(sums, sumsAt + 2 * COUNT);
        s03.intoArray(sums, sumsAt + 3 * COUNT);
    }

    static void bf16Rows2(
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, sumsAt + 4 * COUNT);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, sumsAt + 5 * COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, sums, sumsAt + 6 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, sums, sumsAt + 7 * COUNT);
        long leftAt1 = leftAt + leftPitch;
        for (int i = 0; i < k; i += 2 * COUNT) {
            long pairs = i * 2L;
            long at = i * 4L;
            IntVector p0 = IntVector.fromMemorySegment(INTS, right, rightAt0 + pairs, ORDER);
            IntVector p1 = IntVector.fromMemorySegment(INTS, right, rightAt1 + pairs, ORDER);
            IntVector p2 = IntVector.fromMemorySegment(INTS, right, rightAt2 + pairs, ORDER);
            IntVector p3 = IntVector.fromMemorySegment(INTS, right, rightAt3 + pairs, ORDER);
            FloatVector w0 = p0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w1 = p1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w2 = p2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w3 = p3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + at, ORDER);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, left, leftAt1 + at, ORDER);
            s10 = x1.fma(w0, s10);
            s11 = x1.fma(w1, s11);
            s12 = x1.fma(w2, s12);
            s13 = x1.fma(w3, s13);
            long odd = at + VECTOR_BYTES;
            FloatVector v0 = p0.and(UPPER).reinterpretAsFloats();
            FloatVector v1 = p1.and(UPPER).reinterpretAsFloats();
            FloatVector v2 = p2.and(UPPER).reinterpretAsFloats();
            FloatVector v3 = p3.and(UPPER).reinterpretAsFloats();
            FloatVector y0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + odd, ORDER);
            s00 = y0.fma(v0, s00);
            s01 = y0.fma(v1, s01);
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
            FloatVector y1 = FloatVector.fromMemorySegment(FLOATS, left, leftAt1 + odd, ORDER);
            s10 = y1.fma(v0, s10);
            s11 = y1.fma(v1, s11);
            s12 = y1.fma(v2, s12);
            s13 = y1.fma(v3, s13);
        }
        s00.intoArray(sums, sumsAt);
        s01.intoArray(sums, sumsAt + COUNT);
        s02.intoArray(sums, sumsAt + 2 * COUNT);
        s03.intoArray(sums, sumsAt + 3 * COUNT);
        s10.intoArray(sums, sumsAt + 4 * COUNT);
        s11.intoArray(sums, sumsAt + 5 * COUNT);
        s12.intoArray(sums, sumsAt + 6 * COUNT);
        s13.intoArray(sums, sumsAt + 7 * COUNT);
    }

    static void bf16Rows4(
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s02 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s03 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, sumsAt + 4 * COUNT);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, sumsAt + 5 * COUNT);
        FloatVector s12 = FloatVector.fromArray(FLOATS, sums, sumsAt + 6 * COUNT);
        FloatVector s13 = FloatVector.fromArray(FLOATS, sums, sumsAt + 7 * COUNT);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, sumsAt + 8 * COUNT);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, sumsAt + 9 * COUNT);
        FloatVector s22 = FloatVector.fromArray(FLOATS, sums, sumsAt + 10 * COUNT);
        FloatVector s23 = FloatVector.fromArray(FLOATS, sums, sumsAt + 11 * COUNT);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, sumsAt + 12 * COUNT);
        FloatVector s31 = FloatVector.fromArray(FLOATS, sums, sumsAt + 13 * COUNT);
        FloatVector s32 = FloatVector.fromArray(FLOATS, sums, sumsAt + 14 * COUNT);
        FloatVector s33 = FloatVector.fromArray(FLOATS, sums, sumsAt + 15 * COUNT);
        long leftAt1 = leftAt + leftPitch;
        long leftAt2 = leftAt + 2 * leftPitch;
        long leftAt3 = leftAt + 3 * leftPitch;
        for (int i = 0; i < k; i += 2 * COUNT) {
            long pairs = i * 2L;
            long at = i * 4L;
            IntVector p0 = IntVector.fromMemorySegment(INTS, right, rightAt0 + pairs, ORDER);
            IntVector p1 = IntVector.fromMemorySegment(INTS, right, rightAt1 + pairs, ORDER);
            IntVector p2 = IntVector.fromMemorySegment(INTS, right, rightAt2 + pairs, ORDER);
            IntVector p3 = IntVector.fromMemorySegment(INTS, right, rightAt3 + pairs, ORDER);
            FloatVector w0 = p0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w1 = p1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w2 = p2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector w3 = p3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + at, ORDER);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, left, leftAt1 + at, ORDER);
            s10 = x1.fma(w0, s10);
            s11 = x1.fma(w1, s11);
            s12 = x1.fma(w2, s12);
            s13 = x1.fma(w3, s13);
            FloatVector x2 = FloatVector.fromMemorySegment(FLOATS, left, leftAt2 + at, ORDER);
            s20 = x2.fma(w0, s20);
            s21 = x2.fma(w1, s21);
            s22 = x2.fma(w2, s22);
            s23 = x2.fma(w3, s23);
            FloatVector x3 = FloatVector.fromMemorySegment(FLOATS, left, leftAt3 + at, ORDER);
            s30 = x3.fma(w0, s30);
            s31 = x3.fma(w1, s31);
            s32 = x3.fma(w2, s32);
            s33 = x3.fma(w3, s33);
            long odd = at + VECTOR_BYTES;
            FloatVector v0 = p0.and(UPPER).reinterpretAsFloats();
            FloatVector v1 = p1.and(UPPER).reinterpretAsFloats();
            FloatVector v2 = p2.and(UPPER).reinterpretAsFloats();
            FloatVector v3 = p3.and(UPPER).reinterpretAsFloats();
            FloatVector y0 = FloatVector.fromMemorySegment(FLOATS, left, leftAt + odd, ORDER);
            s00 = y0.fma(v0, s00);
            s01 = y0.fma(v1, s01);
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
            FloatVector y1 = FloatVector.fromMemorySegment(FLOATS, left, leftAt1 + odd, ORDER);
            s10 = y1.fma(v0, s10);
            s11 = y1.fma(v1, s11);
            s12 = y1.fma(v2, s12);
            s13 = y1.fma(v3, s13);
            FloatVector y2 = FloatVector.fromMemorySegment(FLOATS, left, leftAt2 + odd, ORDER);
            s20 = y2.fma(v0, s20);
            s21 = y2.fma(v1, s21);
            s22 = y2.fma(v2, s22);
            s23 = y2.fma(v3, s23);
            FloatVector y3 = FloatVector.fromMemorySegment(FLOATS, left, leftAt3 + odd, ORDER);
            s30 = y3.fma(v0, s30);
            s31 = y3.fma(v1, s31);
            s32 = y3.fma(v2, s32);
            s33 = y3.fma(v3, s33);
        }
        s00.intoArray(sums, sumsAt);
        s01.intoArray(sums, sumsAt + COUNT);
        s02.intoArray(sums, sumsAt + 2 * COUNT);
        s03.intoArray(sums, sumsAt + 3 * COUNT);
        s10.intoArray(sums, sumsAt + 4 * COUNT);
        s11.intoArray(sums, sumsAt + 5 * COUNT);
        s12.intoArray(sums, sumsAt + 6 * COUNT);
        s13.intoArray(sums, sumsAt + 7 * COUNT);
        s20.intoArray(sums, sumsAt + 8 * COUNT);
        s21.intoArray(sums, sumsAt + 9 * COUNT);
        s22.intoArray(sums, sumsAt + 10 * COUNT);
        s23.intoArray(sums, sumsAt + 11 * COUNT);
        s30.intoArray(sums, sumsAt + 12 * COUNT);
        s31.intoArray(sums, sumsAt + 13 * COUNT);
        s32.intoArray(sums, sumsAt + 14 * COUNT);
        s33.intoArray(sums, sumsAt + 15 * COUNT);
    }
}

package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Tiles of 1, 2 or 4 left-hand rows and four weight rows, lanes along k, one vector of partial sums an element.
///
/// The tiles are written out because C2 gives up on inlining methods of ours into a body of this size, and then allocates a vector
/// object for every operation.
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
            MemorySegment sums,
            long sumsAt) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + VECTOR_BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
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
        s00.intoMemorySegment(sums, sumsAt, ORDER);
        s01.intoMemorySegment(sums, sumsAt + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
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
            MemorySegment sums,
            long sumsAt) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + VECTOR_BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
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
        s00.intoMemorySegment(sums, sumsAt, ORDER);
        s01.intoMemorySegment(sums, sumsAt + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        s10.intoMemorySegment(sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        s11.intoMemorySegment(sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
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
            MemorySegment sums,
            long sumsAt) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + VECTOR_BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 8 * VECTOR_BYTES, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 9 * VECTOR_BYTES, ORDER);
        FloatVector s22 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 10 * VECTOR_BYTES, ORDER);
        FloatVector s23 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 11 * VECTOR_BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 12 * VECTOR_BYTES, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 13 * VECTOR_BYTES, ORDER);
        FloatVector s32 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 14 * VECTOR_BYTES, ORDER);
        FloatVector s33 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 15 * VECTOR_BYTES, ORDER);
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
        s00.intoMemorySegment(sums, sumsAt, ORDER);
        s01.intoMemorySegment(sums, sumsAt + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        s10.intoMemorySegment(sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        s11.intoMemorySegment(sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
        s20.intoMemorySegment(sums, sumsAt + 8 * VECTOR_BYTES, ORDER);
        s21.intoMemorySegment(sums, sumsAt + 9 * VECTOR_BYTES, ORDER);
        s22.intoMemorySegment(sums, sumsAt + 10 * VECTOR_BYTES, ORDER);
        s23.intoMemorySegment(sums, sumsAt + 11 * VECTOR_BYTES, ORDER);
        s30.intoMemorySegment(sums, sumsAt + 12 * VECTOR_BYTES, ORDER);
        s31.intoMemorySegment(sums, sumsAt + 13 * VECTOR_BYTES, ORDER);
        s32.intoMemorySegment(sums, sumsAt + 14 * VECTOR_BYTES, ORDER);
        s33.intoMemorySegment(sums, sumsAt + 15 * VECTOR_BYTES, ORDER);
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
            MemorySegment sums,
            long sumsAt) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + VECTOR_BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
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
        s00.intoMemorySegment(sums, sumsAt, ORDER);
        s01.intoMemorySegment(sums, sumsAt + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
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
            MemorySegment sums,
            long sumsAt) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + VECTOR_BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
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
        s00.intoMemorySegment(sums, sumsAt, ORDER);
        s01.intoMemorySegment(sums, sumsAt + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        s10.intoMemorySegment(sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        s11.intoMemorySegment(sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
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
            MemorySegment sums,
            long sumsAt) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + VECTOR_BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 8 * VECTOR_BYTES, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 9 * VECTOR_BYTES, ORDER);
        FloatVector s22 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 10 * VECTOR_BYTES, ORDER);
        FloatVector s23 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 11 * VECTOR_BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 12 * VECTOR_BYTES, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 13 * VECTOR_BYTES, ORDER);
        FloatVector s32 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 14 * VECTOR_BYTES, ORDER);
        FloatVector s33 = FloatVector.fromMemorySegment(FLOATS, sums, sumsAt + 15 * VECTOR_BYTES, ORDER);
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
        s00.intoMemorySegment(sums, sumsAt, ORDER);
        s01.intoMemorySegment(sums, sumsAt + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(sums, sumsAt + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(sums, sumsAt + 3 * VECTOR_BYTES, ORDER);
        s10.intoMemorySegment(sums, sumsAt + 4 * VECTOR_BYTES, ORDER);
        s11.intoMemorySegment(sums, sumsAt + 5 * VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(sums, sumsAt + 6 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(sums, sumsAt + 7 * VECTOR_BYTES, ORDER);
        s20.intoMemorySegment(sums, sumsAt + 8 * VECTOR_BYTES, ORDER);
        s21.intoMemorySegment(sums, sumsAt + 9 * VECTOR_BYTES, ORDER);
        s22.intoMemorySegment(sums, sumsAt + 10 * VECTOR_BYTES, ORDER);
        s23.intoMemorySegment(sums, sumsAt + 11 * VECTOR_BYTES, ORDER);
        s30.intoMemorySegment(sums, sumsAt + 12 * VECTOR_BYTES, ORDER);
        s31.intoMemorySegment(sums, sumsAt + 13 * VECTOR_BYTES, ORDER);
        s32.intoMemorySegment(sums, sumsAt + 14 * VECTOR_BYTES, ORDER);
        s33.intoMemorySegment(sums, sumsAt + 15 * VECTOR_BYTES, ORDER);
    }
}

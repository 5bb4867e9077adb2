package dev.halcyon.backend.cpu.vector;

import jdk.incubator.vector.FloatVector;

/// Dot products of the rows of two small matrices, four by four at a time.
///
/// One accumulator a product, whatever the tile, and one order of adding up its lanes, so that a
/// product has the same bits in every tile.
final class VectorDots {
    private static final int LANES = Lanes.COUNT;

    /// Where a tile's accumulators are added up; sixteen calls of a method that takes a vector are
    /// more than C2 inlines.
    private static final ThreadLocal<float[]> ACCUMULATORS =
            ThreadLocal.withInitial(() -> new float[16 * LANES]);

    private VectorDots() {}

    static void dots(
            float[] a,
            int aOffset,
            int aStride,
            int aRows,
            float[] b,
            int bOffset,
            int bStride,
            int bRows,
            int n,
            float[] out,
            int outOffset,
            int outStride) {
        float[] accumulators = ACCUMULATORS.get();
        int i = 0;
        for (; i <= aRows - 4; i += 4) {
            int at = aOffset + i * aStride;
            int to = outOffset + i * outStride;
            int j = 0;
            for (; j <= bRows - 4; j += 4) {
                int bAt = bOffset + j * bStride;
                int done = fourByFour(a, at, aStride, b, bAt, bStride, n, accumulators);
                for (int r = 0; r < 4; r++) {
                    for (int s = 0; s < 4; s++) {
                        out[to + r * outStride + j + s] +=
                                sum(accumulators, (r * 4 + s) * LANES)
                                        + tail(a, at + r * aStride, b, bAt + s * bStride, done, n);
                    }
                }
            }
            for (; j < bRows; j++) {
                for (int r = 0; r < 4; r++) {
                    int done = one(a, at + r * aStride, b, bOffset + j * bStride, n, accumulators);
                    out[to + r * outStride + j] +=
                            sum(accumulators, 0)
                                    + tail(a, at + r * aStride, b, bOffset + j * bStride, done, n);
                }
            }
        }
        for (; i < aRows; i++) {
            oneRow(
                    a,
                    aOffset + i * aStride,
                    b,
                    bOffset,
                    bStride,
                    bRows,
                    n,
                    out,
                    outOffset + i * outStride,
                    accumulators);
        }
    }

    private static void oneRow(
            float[] a,
            int aOffset,
            float[] b,
            int bOffset,
            int bStride,
            int bRows,
            int n,
            float[] out,
            int to,
            float[] accumulators) {
        int j = 0;
        for (; j <= bRows - 8; j += 8) {
            int bAt = bOffset + j * bStride;
            int done = oneByEight(a, aOffset, b, bAt, bStride, n, accumulators);
            for (int s = 0; s < 8; s++) {
                out[to + j + s] +=
                        sum(accumulators, s * LANES)
                                + tail(a, aOffset, b, bAt + s * bStride, done, n);
            }
        }
        for (; j < bRows; j++) {
            int done = one(a, aOffset, b, bOffset + j * bStride, n, accumulators);
            out[to + j] +=
                    sum(accumulators, 0) + tail(a, aOffset, b, bOffset + j * bStride, done, n);
        }
    }

    private static float sum(float[] accumulators, int offset) {
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                accumulators[offset + i] += accumulators[offset + half + i];
            }
        }
        return accumulators[offset];
    }

    private static float tail(float[] a, int aOffset, float[] b, int bOffset, int from, int n) {
        float sum = 0;
        for (int k = from; k < n; k++) {
            sum += a[aOffset + k] * b[bOffset + k];
        }
        return sum;
    }

    private static int one(
            float[] a, int aOffset, float[] b, int bOffset, int n, float[] accumulators) {
        FloatVector c = Lanes.zero();
        int k = 0;
        for (; k <= n - LANES; k += LANES) {
            c =
                    FloatVector.fromArray(Lanes.FLOATS, a, aOffset + k)
                            .fma(FloatVector.fromArray(Lanes.FLOATS, b, bOffset + k), c);
        }
        c.intoArray(accumulators, 0);
        return k;
    }

    private static int oneByEight(
            float[] a, int aOffset, float[] b, int b0, int stride, int n, float[] accumulators) {
        int b1 = b0 + stride;
        int b2 = b1 + stride;
        int b3 = b2 + stride;
        int b4 = b3 + stride;
        int b5 = b4 + stride;
        int b6 = b5 + stride;
        int b7 = b6 + stride;
        FloatVector c0 = Lanes.zero();
        FloatVector c1 = c0;
        FloatVector c2 = c0;
        FloatVector c3 = c0;
        FloatVector c4 = c0;
        FloatVector c5 = c0;
        FloatVector c6 = c0;
        FloatVector c7 = c0;
        int k = 0;
        for (; k <= n - LANES; k += LANES) {
            FloatVector x = FloatVector.fromArray(Lanes.FLOATS, a, aOffset + k);
            c0 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b0 + k), c0);
            c1 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b1 + k), c1);
            c2 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b2 + k), c2);
            c3 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b3 + k), c3);
            c4 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b4 + k), c4);
            c5 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b5 + k), c5);
            c6 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b6 + k), c6);
            c7 = x.fma(FloatVector.fromArray(Lanes.FLOATS, b, b7 + k), c7);
        }
        c0.intoArray(accumulators, 0);
        c1.intoArray(accumulators, LANES);
        c2.intoArray(accumulators, 2 * LANES);
        c3.intoArray(accumulators, 3 * LANES);
        c4.intoArray(accumulators, 4 * LANES);
        c5.intoArray(accumulators, 5 * LANES);
        c6.intoArray(accumulators, 6 * LANES);
        c7.intoArray(accumulators, 7 * LANES);
        return k;
    }

    private static int fourByFour(
            float[] a,
            int a0,
            int aStride,
            float[] b,
            int b0,
            int bStride,
            int n,
            float[] accumulators) {
        int a1 = a0 + aStride;
        int a2 = a1 + aStride;
        int a3 = a2 + aStride;
        int b1 = b0 + bStride;
        int b2 = b1 + bStride;
        int b3 = b2 + bStride;
        FloatVector c00 = Lanes.zero();
        FloatVector c01 = c00;
        FloatVector c02 = c00;
        FloatVector c03 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c12 = c00;
        FloatVector c13 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c22 = c00;
        FloatVector c23 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        FloatVector c32 = c00;
        FloatVector c33 = c00;
        int k = 0;
        for (; k <= n - LANES; k += LANES) {
            FloatVector y0 = FloatVector.fromArray(Lanes.FLOATS, b, b0 + k);
            FloatVector y1 = FloatVector.fromArray(Lanes.FLOATS, b, b1 + k);
            FloatVector y2 = FloatVector.fromArray(Lanes.FLOATS, b, b2 + k);
            FloatVector y3 = FloatVector.fromArray(Lanes.FLOATS, b, b3 + k);
            FloatVector x = FloatVector.fromArray(Lanes.FLOATS, a, a0 + k);
            c00 = x.fma(y0, c00);
            c01 = x.fma(y1, c01);
            c02 = x.fma(y2, c02);
            c03 = x.fma(y3, c03);
            x = FloatVector.fromArray(Lanes.FLOATS, a, a1 + k);
            c10 = x.fma(y0, c10);
            c11 = x.fma(y1, c11);
            c12 = x.fma(y2, c12);
            c13 = x.fma(y3, c13);
            x = FloatVector.fromArray(Lanes.FLOATS, a, a2 + k);
            c20 = x.fma(y0, c20);
            c21 = x.fma(y1, c21);
            c22 = x.fma(y2, c22);
            c23 = x.fma(y3, c23);
            x = FloatVector.fromArray(Lanes.FLOATS, a, a3 + k);
            c30 = x.fma(y0, c30);
            c31 = x.fma(y1, c31);
            c32 = x.fma(y2, c32);
            c33 = x.fma(y3, c33);
        }
        c00.intoArray(accumulators, 0);
        c01.intoArray(accumulators, LANES);
        c02.intoArray(accumulators, 2 * LANES);
        c03.intoArray(accumulators, 3 * LANES);
        c10.intoArray(accumulators, 4 * LANES);
        c11.intoArray(accumulators, 5 * LANES);
        c12.intoArray(accumulators, 6 * LANES);
        c13.intoArray(accumulators, 7 * LANES);
        c20.intoArray(accumulators, 8 * LANES);
        c21.intoArray(accumulators, 9 * LANES);
        c22.intoArray(accumulators, 10 * LANES);
        c23.intoArray(accumulators, 11 * LANES);
        c30.intoArray(accumulators, 12 * LANES);
        c31.intoArray(accumulators, 13 * LANES);
        c32.intoArray(accumulators, 14 * LANES);
        c33.intoArray(accumulators, 15 * LANES);
        return k;
    }
}

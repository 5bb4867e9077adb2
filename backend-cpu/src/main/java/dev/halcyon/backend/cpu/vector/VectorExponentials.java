package dev.halcyon.backend.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Exponentials of rows, and the functions made of them.
///
/// `exp(x) = 2^k · p(r)` with `k` the integer nearest to `x / ln 2` and `r = x - k ln 2`, in two
/// steps so that it is exact to the last bits. `p` is a polynomial of degree 6 whose last five
/// coefficients were fitted for the smallest largest relative error (3e-9) over `|r| <= ln 2 / 2`.
/// The power of two is applied in two factors, since `2^128` is no float but results just below it
/// are, and at the other end likewise.
///
/// The three loops repeat the same lines: a method that takes and returns vectors may not be
/// inlined, and then allocates.
final class VectorExponentials {
    private static final int LANES = Lanes.COUNT;

    /// Beyond these, results are infinite or zero, and the exponent arithmetic would wrap.
    private static final float HIGHEST = 89f;

    private static final float LOWEST = -104f;

    private static final float LOG2_E = 1.44269504f;

    /// Adding it puts the nearest integer into the low bits of a float.
    private static final float TO_INTEGER = 0x1.8p23f;

    private static final int TO_INTEGER_BITS = Float.floatToRawIntBits(TO_INTEGER);

    /// ln 2 with enough zeros at the end that multiples of it are exact, and the rest.
    private static final float LN2_HIGH = 0.693359375f;

    private static final float LN2_LOW = -2.12194440e-4f;

    private static final float P2 = 0.49999994f;
    private static final float P3 = 0.1666652f;
    private static final float P4 = 0.041668393f;
    private static final float P5 = 0.008368781f;
    private static final float P6 = 0.0013814467f;

    private VectorExponentials() {}

    static void exp(
            float[] x, int xOffset, float shift, float factor, float[] out, int outOffset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector t =
                    FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i).sub(shift).mul(factor);
            t = t.blend(HIGHEST, t.compare(VectorOperators.GT, HIGHEST));
            t = t.blend(LOWEST, t.compare(VectorOperators.LT, LOWEST));
            FloatVector shifted = t.mul(LOG2_E).add(TO_INTEGER);
            IntVector k = shifted.reinterpretAsInts().sub(TO_INTEGER_BITS);
            FloatVector whole = shifted.sub(TO_INTEGER);
            FloatVector r = whole.fma(FloatVector.broadcast(Lanes.FLOATS, -LN2_HIGH), t);
            r = whole.fma(FloatVector.broadcast(Lanes.FLOATS, -LN2_LOW), r);
            FloatVector p = r.mul(P6).add(P5);
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P4));
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P3));
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P2));
            p = p.fma(r.mul(r), r).add(1f);
            IntVector firstHalf = k.lanewise(VectorOperators.ASHR, 1);
            FloatVector e =
                    p.mul(
                                    firstHalf
                                            .add(127)
                                            .lanewise(VectorOperators.LSHL, 23)
                                            .reinterpretAsFloats())
                            .mul(
                                    k.sub(firstHalf)
                                            .add(127)
                                            .lanewise(VectorOperators.LSHL, 23)
                                            .reinterpretAsFloats());
            e.intoArray(out, outOffset + i);
        }
        for (; i < n; i++) {
            out[outOffset + i] = (float) Math.exp((x[xOffset + i] - shift) * factor);
        }
    }

    static void sigmoid(float[] x, int xOffset, float[] out, int outOffset, int n) {
        FloatVector one = FloatVector.broadcast(Lanes.FLOATS, 1f);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector t = FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i).neg();
            t = t.blend(HIGHEST, t.compare(VectorOperators.GT, HIGHEST));
            t = t.blend(LOWEST, t.compare(VectorOperators.LT, LOWEST));
            FloatVector shifted = t.mul(LOG2_E).add(TO_INTEGER);
            IntVector k = shifted.reinterpretAsInts().sub(TO_INTEGER_BITS);
            FloatVector whole = shifted.sub(TO_INTEGER);
            FloatVector r = whole.fma(FloatVector.broadcast(Lanes.FLOATS, -LN2_HIGH), t);
            r = whole.fma(FloatVector.broadcast(Lanes.FLOATS, -LN2_LOW), r);
            FloatVector p = r.mul(P6).add(P5);
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P4));
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P3));
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P2));
            p = p.fma(r.mul(r), r).add(1f);
            IntVector firstHalf = k.lanewise(VectorOperators.ASHR, 1);
            FloatVector e =
                    p.mul(
                                    firstHalf
                                            .add(127)
                                            .lanewise(VectorOperators.LSHL, 23)
                                            .reinterpretAsFloats())
                            .mul(
                                    k.sub(firstHalf)
                                            .add(127)
                                            .lanewise(VectorOperators.LSHL, 23)
                                            .reinterpretAsFloats());
            one.div(e.add(one)).intoArray(out, outOffset + i);
        }
        for (; i < n; i++) {
            out[outOffset + i] = (float) (1 / (1 + Math.exp(-x[xOffset + i])));
        }
    }

    static void siluMultiply(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float factor,
            float[] out,
            int outOffset,
            int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector g = FloatVector.fromArray(Lanes.FLOATS, gate, gateOffset + i);
            g = g.blend(limit, g.compare(VectorOperators.GT, limit));
            FloatVector u = FloatVector.fromArray(Lanes.FLOATS, up, upOffset + i);
            u = u.blend(limit, u.compare(VectorOperators.GT, limit));
            u = u.blend(-limit, u.compare(VectorOperators.LT, -limit));
            FloatVector t = g.neg();
            t = t.blend(HIGHEST, t.compare(VectorOperators.GT, HIGHEST));
            t = t.blend(LOWEST, t.compare(VectorOperators.LT, LOWEST));
            FloatVector shifted = t.mul(LOG2_E).add(TO_INTEGER);
            IntVector k = shifted.reinterpretAsInts().sub(TO_INTEGER_BITS);
            FloatVector whole = shifted.sub(TO_INTEGER);
            FloatVector r = whole.fma(FloatVector.broadcast(Lanes.FLOATS, -LN2_HIGH), t);
            r = whole.fma(FloatVector.broadcast(Lanes.FLOATS, -LN2_LOW), r);
            FloatVector p = r.mul(P6).add(P5);
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P4));
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P3));
            p = p.fma(r, FloatVector.broadcast(Lanes.FLOATS, P2));
            p = p.fma(r.mul(r), r).add(1f);
            IntVector firstHalf = k.lanewise(VectorOperators.ASHR, 1);
            FloatVector e =
                    p.mul(
                                    firstHalf
                                            .add(127)
                                            .lanewise(VectorOperators.LSHL, 23)
                                            .reinterpretAsFloats())
                            .mul(
                                    k.sub(firstHalf)
                                            .add(127)
                                            .lanewise(VectorOperators.LSHL, 23)
                                            .reinterpretAsFloats());
            g.div(e.add(1f)).mul(u).mul(factor).intoArray(out, outOffset + i);
        }
        for (; i < n; i++) {
            float g = Math.min(gate[gateOffset + i], limit);
            float u = Math.max(Math.min(up[upOffset + i], limit), -limit);
            out[outOffset + i] = (float) (g / (1 + Math.exp(-g))) * u * factor;
        }
    }
}

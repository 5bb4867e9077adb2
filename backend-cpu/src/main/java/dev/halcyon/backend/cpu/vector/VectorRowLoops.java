package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.AdamRule;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.memory.DType;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;

/// Loops over rows on the Vector API; the transcendental ones are in [VectorExponentials].
///
/// The two sums add up their lanes line by line: they do it once a call, and C2 does not inline a
/// method of that size where it is called that seldom, but boxes the vector.
final class VectorRowLoops implements RowLoops {
    private static final int LANES = Lanes.COUNT;

    @Override
    public void load(
            DType dtype, MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        VectorConversions.load(dtype, from, byteOffset, to, toOffset, n);
    }

    @Override
    public void store(
            DType dtype, float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        VectorConversions.store(dtype, from, fromOffset, n, to, byteOffset);
    }

    @Override
    public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
        FloatVector c0 = Lanes.zero();
        FloatVector c1 = c0;
        FloatVector c2 = c0;
        FloatVector c3 = c0;
        int i = 0;
        for (; i <= n - 4 * LANES; i += 4 * LANES) {
            c0 =
                    FloatVector.fromArray(Lanes.FLOATS, a, aOffset + i)
                            .fma(FloatVector.fromArray(Lanes.FLOATS, b, bOffset + i), c0);
            c1 =
                    FloatVector.fromArray(Lanes.FLOATS, a, aOffset + i + LANES)
                            .fma(FloatVector.fromArray(Lanes.FLOATS, b, bOffset + i + LANES), c1);
            c2 =
                    FloatVector.fromArray(Lanes.FLOATS, a, aOffset + i + 2 * LANES)
                            .fma(
                                    FloatVector.fromArray(Lanes.FLOATS, b, bOffset + i + 2 * LANES),
                                    c2);
            c3 =
                    FloatVector.fromArray(Lanes.FLOATS, a, aOffset + i + 3 * LANES)
                            .fma(
                                    FloatVector.fromArray(Lanes.FLOATS, b, bOffset + i + 3 * LANES),
                                    c3);
        }
        for (; i <= n - LANES; i += LANES) {
            c0 =
                    FloatVector.fromArray(Lanes.FLOATS, a, aOffset + i)
                            .fma(FloatVector.fromArray(Lanes.FLOATS, b, bOffset + i), c0);
        }
        FloatVector lanes = c0.add(c1).add(c2.add(c3));
        if (LANES >= 16) {
            lanes = lanes.add(lanes.rearrange(Lanes.SWAP_8));
        }
        if (LANES >= 8) {
            lanes = lanes.add(lanes.rearrange(Lanes.SWAP_4));
        }
        lanes = lanes.add(lanes.rearrange(Lanes.SWAP_2));
        lanes = lanes.add(lanes.rearrange(Lanes.SWAP_1));
        float sum = lanes.lane(0);
        for (; i < n; i++) {
            sum += a[aOffset + i] * b[bOffset + i];
        }
        return sum;
    }

    @Override
    public void dots(
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
        VectorDots.dots(
                a, aOffset, aStride, aRows, b, bOffset, bStride, bRows, n, out, outOffset,
                outStride);
    }

    @Override
    public float sum(float[] a, int offset, int n) {
        FloatVector c0 = Lanes.zero();
        FloatVector c1 = c0;
        int i = 0;
        for (; i <= n - 2 * LANES; i += 2 * LANES) {
            c0 = c0.add(FloatVector.fromArray(Lanes.FLOATS, a, offset + i));
            c1 = c1.add(FloatVector.fromArray(Lanes.FLOATS, a, offset + i + LANES));
        }
        FloatVector lanes = c0.add(c1);
        if (LANES >= 16) {
            lanes = lanes.add(lanes.rearrange(Lanes.SWAP_8));
        }
        if (LANES >= 8) {
            lanes = lanes.add(lanes.rearrange(Lanes.SWAP_4));
        }
        lanes = lanes.add(lanes.rearrange(Lanes.SWAP_2));
        lanes = lanes.add(lanes.rearrange(Lanes.SWAP_1));
        float sum = lanes.lane(0);
        for (; i < n; i++) {
            sum += a[offset + i];
        }
        return sum;
    }

    @Override
    public float sumOfSquares(float[] a, int offset, int n) {
        return dot(a, offset, a, offset, n);
    }

    @Override
    public float max(float[] a, int offset, int n) {
        FloatVector m = FloatVector.broadcast(Lanes.FLOATS, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            m = m.max(FloatVector.fromArray(Lanes.FLOATS, a, offset + i));
        }
        float max = m.reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            max = Math.max(max, a[offset + i]);
        }
        return max;
    }

    @Override
    public float maxNumber(float[] a, int offset, int n) {
        FloatVector m = FloatVector.broadcast(Lanes.FLOATS, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector x = FloatVector.fromArray(Lanes.FLOATS, a, offset + i);
            m = m.blend(x, x.compare(VectorOperators.GT, m));
        }
        float max = m.reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            max = a[offset + i] > max ? a[offset + i] : max;
        }
        return max;
    }

    @Override
    public int indexOf(float value, float[] a, int offset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            var equal =
                    FloatVector.fromArray(Lanes.FLOATS, a, offset + i)
                            .compare(VectorOperators.EQ, value);
            if (equal.anyTrue()) {
                return i + equal.firstTrue();
            }
        }
        for (; i < n; i++) {
            if (a[offset + i] == value) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public void subtract(float shift, float[] a, int offset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector.fromArray(Lanes.FLOATS, a, offset + i).sub(shift).intoArray(a, offset + i);
        }
        for (; i < n; i++) {
            a[offset + i] -= shift;
        }
    }

    @Override
    public void scale(float factor, float[] a, int offset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector.fromArray(Lanes.FLOATS, a, offset + i).mul(factor).intoArray(a, offset + i);
        }
        for (; i < n; i++) {
            a[offset + i] *= factor;
        }
    }

    @Override
    public void axpy(float alpha, float[] x, int xOffset, float[] y, int yOffset, int n) {
        FloatVector factor = FloatVector.broadcast(Lanes.FLOATS, alpha);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            factor.fma(
                            FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i),
                            FloatVector.fromArray(Lanes.FLOATS, y, yOffset + i))
                    .intoArray(y, yOffset + i);
        }
        for (; i < n; i++) {
            y[yOffset + i] += alpha * x[xOffset + i];
        }
    }

    @Override
    public void axpby(
            float alpha,
            float[] x,
            int xOffset,
            float beta,
            float[] y,
            int yOffset,
            float[] out,
            int outOffset,
            int n) {
        FloatVector factor = FloatVector.broadcast(Lanes.FLOATS, alpha);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            factor.fma(
                            FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i),
                            FloatVector.fromArray(Lanes.FLOATS, y, yOffset + i).mul(beta))
                    .intoArray(out, outOffset + i);
        }
        for (; i < n; i++) {
            out[outOffset + i] = alpha * x[xOffset + i] + beta * y[yOffset + i];
        }
    }

    @Override
    public void scaleAndMultiply(
            float[] x,
            int xOffset,
            float factor,
            float[] weight,
            int weightOffset,
            float[] out,
            int outOffset,
            int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i)
                    .mul(factor)
                    .mul(FloatVector.fromArray(Lanes.FLOATS, weight, weightOffset + i))
                    .intoArray(out, outOffset + i);
        }
        for (; i < n; i++) {
            out[outOffset + i] = x[xOffset + i] * factor * weight[weightOffset + i];
        }
    }

    @Override
    public void shiftScaleAndMultiply(
            float[] x,
            int xOffset,
            float shift,
            float factor,
            float[] weight,
            int weightOffset,
            float[] bias,
            int biasOffset,
            float[] out,
            int outOffset,
            int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i)
                    .sub(shift)
                    .mul(factor)
                    .fma(
                            FloatVector.fromArray(Lanes.FLOATS, weight, weightOffset + i),
                            FloatVector.fromArray(Lanes.FLOATS, bias, biasOffset + i))
                    .intoArray(out, outOffset + i);
        }
        for (; i < n; i++) {
            out[outOffset + i] =
                    (x[xOffset + i] - shift) * factor * weight[weightOffset + i]
                            + bias[biasOffset + i];
        }
    }

    @Override
    public void exp(
            float[] x, int xOffset, float shift, float factor, float[] out, int outOffset, int n) {
        VectorExponentials.exp(x, xOffset, shift, factor, out, outOffset, n);
    }

    @Override
    public void sigmoid(float[] x, int xOffset, float[] out, int outOffset, int n) {
        VectorExponentials.sigmoid(x, xOffset, out, outOffset, n);
    }

    @Override
    public void siluMultiply(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float factor,
            float[] out,
            int outOffset,
            int n) {
        VectorExponentials.siluMultiply(
                gate, gateOffset, up, upOffset, limit, factor, out, outOffset, n);
    }

    @Override
    public void rotateNeighbours(
            float[] x, int xOffset, float[] cos, float[] sin, float[] out, int outOffset, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector pairs = FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i);
            pairs.rearrange(Lanes.SWAP_1)
                    .fma(
                            FloatVector.fromArray(Lanes.FLOATS, sin, i),
                            FloatVector.fromArray(Lanes.FLOATS, cos, i).mul(pairs))
                    .intoArray(out, outOffset + i);
        }
        for (; i < n; i += 2) {
            float a = x[xOffset + i];
            float b = x[xOffset + i + 1];
            out[outOffset + i] = a * cos[i] + b * sin[i];
            out[outOffset + i + 1] = b * cos[i + 1] + a * sin[i + 1];
        }
    }

    @Override
    public void rotateHalves(
            float[] x, int xOffset, float[] cos, float[] sin, float[] out, int outOffset, int n) {
        int half = n / 2;
        int i = 0;
        for (; i <= half - LANES; i += LANES) {
            FloatVector a = FloatVector.fromArray(Lanes.FLOATS, x, xOffset + i);
            FloatVector b = FloatVector.fromArray(Lanes.FLOATS, x, xOffset + half + i);
            b.fma(
                            FloatVector.fromArray(Lanes.FLOATS, sin, i),
                            FloatVector.fromArray(Lanes.FLOATS, cos, i).mul(a))
                    .intoArray(out, outOffset + i);
            a.fma(
                            FloatVector.fromArray(Lanes.FLOATS, sin, half + i),
                            FloatVector.fromArray(Lanes.FLOATS, cos, half + i).mul(b))
                    .intoArray(out, outOffset + half + i);
        }
        for (; i < half; i++) {
            float a = x[xOffset + i];
            float b = x[xOffset + half + i];
            out[outOffset + i] = a * cos[i] + b * sin[i];
            out[outOffset + half + i] = b * cos[half + i] + a * sin[half + i];
        }
    }

    @Override
    public void adamW(
            AdamRule rule,
            float[] parameter,
            float[] gradient,
            float[] first,
            float[] second,
            int n) {
        FloatVector beta1 = FloatVector.broadcast(Lanes.FLOATS, rule.beta1);
        FloatVector beta2 = FloatVector.broadcast(Lanes.FLOATS, rule.beta2);
        FloatVector decay = FloatVector.broadcast(Lanes.FLOATS, rule.decay);
        FloatVector gradient1 = FloatVector.broadcast(Lanes.FLOATS, rule.gradient1);
        FloatVector gradient2 = FloatVector.broadcast(Lanes.FLOATS, rule.gradient2);
        FloatVector secondScale = FloatVector.broadcast(Lanes.FLOATS, rule.secondScale);
        FloatVector epsilon = FloatVector.broadcast(Lanes.FLOATS, rule.epsilon);
        FloatVector rate = FloatVector.broadcast(Lanes.FLOATS, -rule.rate);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector g = FloatVector.fromArray(Lanes.FLOATS, gradient, i);
            FloatVector m =
                    beta1.fma(FloatVector.fromArray(Lanes.FLOATS, first, i), gradient1.mul(g));
            FloatVector v =
                    beta2.fma(
                            FloatVector.fromArray(Lanes.FLOATS, second, i),
                            gradient2.mul(g).mul(g));
            m.intoArray(first, i);
            v.intoArray(second, i);
            FloatVector root = v.mul(secondScale).sqrt().add(epsilon);
            rate.fma(m.div(root), FloatVector.fromArray(Lanes.FLOATS, parameter, i).mul(decay))
                    .intoArray(parameter, i);
        }
        for (; i < n; i++) {
            float g = gradient[i];
            float m = rule.beta1 * first[i] + rule.gradient1 * g;
            float v = rule.beta2 * second[i] + rule.gradient2 * g * g;
            first[i] = m;
            second[i] = v;
            float root = (float) Math.sqrt(v * rule.secondScale) + rule.epsilon;
            parameter[i] = rule.decay * parameter[i] - rule.rate * (m / root);
        }
    }
}

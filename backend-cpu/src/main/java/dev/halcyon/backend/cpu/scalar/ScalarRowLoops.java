package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.AdamRule;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Loops over rows in plain Java. Sums are kept in `double`, which costs scalar code nothing.
public final class ScalarRowLoops implements RowLoops {
    @Override
    public void load(
            DType dtype, MemorySegment from, long byteOffset, float[] to, int toOffset, int n) {
        ScalarConversions.load(dtype, from, byteOffset, to, toOffset, n);
    }

    @Override
    public void store(
            DType dtype, float[] from, int fromOffset, int n, MemorySegment to, long byteOffset) {
        ScalarConversions.store(dtype, from, fromOffset, n, to, byteOffset);
    }

    @Override
    public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) a[aOffset + i] * b[bOffset + i];
        }
        return (float) sum;
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
        for (int i = 0; i < aRows; i++) {
            for (int j = 0; j < bRows; j++) {
                out[outOffset + i * outStride + j] +=
                        dot(a, aOffset + i * aStride, b, bOffset + j * bStride, n);
            }
        }
    }

    @Override
    public float sum(float[] a, int offset, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += a[offset + i];
        }
        return (float) sum;
    }

    @Override
    public float sumOfSquares(float[] a, int offset, int n) {
        return dot(a, offset, a, offset, n);
    }

    @Override
    public float max(float[] a, int offset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, a[offset + i]);
        }
        return max;
    }

    @Override
    public float maxNumber(float[] a, int offset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = a[offset + i] > max ? a[offset + i] : max;
        }
        return max;
    }

    @Override
    public int indexOf(float value, float[] a, int offset, int n) {
        for (int i = 0; i < n; i++) {
            if (a[offset + i] == value) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public void subtract(float shift, float[] a, int offset, int n) {
        for (int i = 0; i < n; i++) {
            a[offset + i] -= shift;
        }
    }

    @Override
    public void scale(float factor, float[] a, int offset, int n) {
        for (int i = 0; i < n; i++) {
            a[offset + i] *= factor;
        }
    }

    @Override
    public void axpy(float alpha, float[] x, int xOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
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
        for (int i = 0; i < n; i++) {
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
        for (int i = 0; i < n; i++) {
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
        for (int i = 0; i < n; i++) {
            out[outOffset + i] =
                    (x[xOffset + i] - shift) * factor * weight[weightOffset + i]
                            + bias[biasOffset + i];
        }
    }

    @Override
    public void exp(
            float[] x, int xOffset, float shift, float factor, float[] out, int outOffset, int n) {
        for (int i = 0; i < n; i++) {
            out[outOffset + i] = (float) Math.exp((x[xOffset + i] - shift) * factor);
        }
    }

    @Override
    public void sigmoid(float[] x, int xOffset, float[] out, int outOffset, int n) {
        for (int i = 0; i < n; i++) {
            out[outOffset + i] = (float) (1 / (1 + Math.exp(-x[xOffset + i])));
        }
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
        for (int i = 0; i < n; i++) {
            float g = Math.min(gate[gateOffset + i], limit);
            float u = Math.max(Math.min(up[upOffset + i], limit), -limit);
            out[outOffset + i] = (float) (g / (1 + Math.exp(-g))) * u * factor;
        }
    }

    @Override
    public void rotateNeighbours(
            float[] x, int xOffset, float[] cos, float[] sin, float[] out, int outOffset, int n) {
        for (int i = 0; i < n; i += 2) {
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
        for (int i = 0; i < half; i++) {
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
        for (int i = 0; i < n; i++) {
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

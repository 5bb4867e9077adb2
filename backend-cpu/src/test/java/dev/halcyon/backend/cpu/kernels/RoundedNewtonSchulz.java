package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/// Newton-Schulz as its specification says it, in plain loops over doubles: exact sums, rounded
/// where values are stored.
///
/// It shows how much accuracy the storage between products costs, so that a kernel can be held to
/// that.
final class RoundedNewtonSchulz {
    private final NewtonSchulz spec;
    private final DoubleUnaryOperator rounding;

    RoundedNewtonSchulz(NewtonSchulz spec) {
        this.spec = spec;
        this.rounding = rounding(spec.compute());
    }

    private static DoubleUnaryOperator rounding(DType dtype) {
        return switch (dtype) {
            case F64 -> value -> value;
            case F32 -> value -> (float) value;
            case BF16 -> value -> FloatFormats.bf16ToFloat(FloatFormats.floatToBf16((float) value));
            case F16 -> value -> Float.float16ToFloat(Float.floatToFloat16((float) value));
            default ->
                    throw new IllegalArgumentException(dtype + " is not stored between products");
        };
    }

    /// {@return the result for a wide or square matrix}
    double[][] apply(double[][] matrix) {
        double[][] x = each(matrix, rounding);
        double sum = 0;
        for (double[] row : x) {
            for (double value : row) {
                sum += value * value;
            }
        }
        double norm = Math.sqrt(sum);
        double divisor =
                spec.norm() == NewtonSchulz.NormRule.ADD_EPSILON
                        ? norm + spec.epsilon()
                        : Math.max(norm, spec.epsilon());
        x = each(x, value -> rounding.applyAsDouble(value / divisor));
        return spec.usesGram() ? gram(x) : plain(x);
    }

    private double[][] plain(double[][] start) {
        double[][] x = start;
        for (Coefficients step : spec.steps()) {
            double[][] s = sum(0, start, 1, x, transposed(x));
            double[][] y = sum(step.b(), s, step.c(), s, s);
            x = sum(step.a(), x, 1, y, x);
        }
        return x;
    }

    private double[][] gram(double[][] start) {
        List<Coefficients> steps = spec.steps();
        double[][] x = start;
        double[][] r = sum(0, x, 1, x, transposed(x));
        double[][] q = identity(x.length);
        for (int i = 0; i < steps.size(); i++) {
            Coefficients step = steps.get(i);
            double[][] z = sum(step.b(), r, step.c(), r, r);
            q = sum(step.a(), q, 1, q, z);
            double[][] t = sum(step.a(), r, 1, r, z);
            r = sum(step.a(), t, 1, z, t);
            if (i == 1 && steps.size() > 2) {
                x = sum(0, x, 1, q, x);
                r = sum(0, x, 1, x, transposed(x));
                q = identity(x.length);
            }
        }
        return sum(0, x, 1, q, x);
    }

    /// `beta addend + alpha left right`, rounded once.
    private double[][] sum(
            double beta, double[][] addend, double alpha, double[][] left, double[][] right) {
        double[][] out = new double[left.length][right[0].length];
        for (int i = 0; i < out.length; i++) {
            for (int j = 0; j < out[i].length; j++) {
                double dot = 0;
                for (int k = 0; k < right.length; k++) {
                    dot += left[i][k] * right[k][j];
                }
                out[i][j] =
                        rounding.applyAsDouble(alpha * dot + (beta == 0 ? 0 : beta * addend[i][j]));
            }
        }
        return out;
    }

    private static double[][] each(double[][] matrix, DoubleUnaryOperator map) {
        double[][] out = new double[matrix.length][];
        for (int i = 0; i < out.length; i++) {
            out[i] = Arrays.stream(matrix[i]).map(map).toArray();
        }
        return out;
    }

    static double[][] transposed(double[][] matrix) {
        double[][] out = new double[matrix[0].length][matrix.length];
        for (int i = 0; i < out.length; i++) {
            for (int j = 0; j < out[i].length; j++) {
                out[i][j] = matrix[j][i];
            }
        }
        return out;
    }

    private static double[][] identity(int n) {
        double[][] out = new double[n][n];
        for (int i = 0; i < n; i++) {
            out[i][i] = 1;
        }
        return out;
    }
}

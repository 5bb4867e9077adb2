package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// Root-mean-square normalisation, `y = w x / sqrt(mean(x²) + eps)`, row by row.
///
/// The weight is optional (DeepSeek-V4 normalises heads without one). Source: DeepSeek-V3
/// inference/model.py, `RMSNorm`.
public final class RmsNorm {
    private RmsNorm() {}

    /// Gradients of the loss with respect to the input and, where there is one, the weight.
    @SuppressWarnings("ArrayRecordComponent")
    public record Gradient(double[] dx, double[] dWeight) {}

    /// Normalises every row of `width` values.
    ///
    /// @param x `[rows, width]`
    /// @param weight `[width]` or null
    /// @return `[rows, width]`
    public static double[] forward(double[] x, int width, double @Nullable [] weight, double eps) {
        int rows = Shapes.quotient("x", x.length, width);
        requireWeight(weight, width);
        double[] y = new double[x.length];
        for (int row = 0; row < rows; row++) {
            double scale = inverseRms(x, row * width, width, eps);
            for (int i = 0; i < width; i++) {
                y[row * width + i] = x[row * width + i] * scale * (weight == null ? 1 : weight[i]);
            }
        }
        return y;
    }

    /// With `r = (mean x² + eps)^-½`, `x̂ = x r`, `u = dy w`: `dx = r (u - x̂ mean(u x̂))`, `dw =
    /// Σ_rows dy x̂`.
    public static Gradient backward(
            double[] dy, double[] x, int width, double @Nullable [] weight, double eps) {
        int rows = Shapes.quotient("x", x.length, width);
        Shapes.require("dy", dy.length, rows, width);
        requireWeight(weight, width);
        double[] dx = new double[x.length];
        double[] dWeight = new double[width];
        for (int row = 0; row < rows; row++) {
            int at = row * width;
            double r = inverseRms(x, at, width, eps);
            double mean = 0;
            for (int i = 0; i < width; i++) {
                mean += dy[at + i] * (weight == null ? 1 : weight[i]) * x[at + i] * r / width;
            }
            for (int i = 0; i < width; i++) {
                double normalised = x[at + i] * r;
                dx[at + i] =
                        r * (dy[at + i] * (weight == null ? 1 : weight[i]) - normalised * mean);
                dWeight[i] += dy[at + i] * normalised;
            }
        }
        return new Gradient(dx, dWeight);
    }

    private static double inverseRms(double[] x, int offset, int width, double eps) {
        return 1 / Math.sqrt(Dot.of(x, offset, x, offset, width) / width + eps);
    }

    private static void requireWeight(double @Nullable [] weight, int width) {
        if (weight != null) {
            Shapes.require("weight", weight.length, width);
        }
    }
}

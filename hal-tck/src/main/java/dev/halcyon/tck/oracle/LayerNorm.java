package dev.halcyon.tck.oracle;

/// Layer normalisation, `y = w (x - mean) / sqrt(var + eps) + b`, row by row, with the biased
/// variance.
///
/// Source: Ba, Kiros, Hinton, "Layer Normalization" (2016); used by the indexer key of
/// DeepSeek-V3.2.
public final class LayerNorm {
    private LayerNorm() {}

    /// Gradients of the loss with respect to input, weight and bias.
    @SuppressWarnings("ArrayRecordComponent")
    public record Gradient(double[] dx, double[] dWeight, double[] dBias) {}

    /// Normalises every row of `weight.length` values.
    ///
    /// @param x `[rows, width]`
    /// @return `[rows, width]`
    public static double[] forward(double[] x, double[] weight, double[] bias, double eps) {
        int width = weight.length;
        int rows = Shapes.quotient("x", x.length, width);
        Shapes.require("bias", bias.length, width);
        double[] y = new double[x.length];
        double[] normalised = new double[width];
        for (int row = 0; row < rows; row++) {
            normalise(x, row * width, eps, normalised);
            for (int i = 0; i < width; i++) {
                y[row * width + i] = normalised[i] * weight[i] + bias[i];
            }
        }
        return y;
    }

    /// With `u = dy w`: `dx = r (u - mean(u) - x̂ mean(u x̂))`, `dw = Σ dy x̂`, `db = Σ dy`.
    public static Gradient backward(double[] dy, double[] x, double[] weight, double eps) {
        int width = weight.length;
        int rows = Shapes.quotient("x", x.length, width);
        Shapes.require("dy", dy.length, rows, width);
        double[] dx = new double[x.length];
        double[] dWeight = new double[width];
        double[] dBias = new double[width];
        double[] normalised = new double[width];
        for (int row = 0; row < rows; row++) {
            int at = row * width;
            double r = normalise(x, at, eps, normalised);
            double meanU = 0;
            double meanUx = 0;
            for (int i = 0; i < width; i++) {
                meanU += dy[at + i] * weight[i] / width;
                meanUx += dy[at + i] * weight[i] * normalised[i] / width;
            }
            for (int i = 0; i < width; i++) {
                dx[at + i] = r * (dy[at + i] * weight[i] - meanU - normalised[i] * meanUx);
                dWeight[i] += dy[at + i] * normalised[i];
                dBias[i] += dy[at + i];
            }
        }
        return new Gradient(dx, dWeight, dBias);
    }

    private static double normalise(double[] x, int offset, double eps, double[] into) {
        int width = into.length;
        double mean = 0;
        for (int i = 0; i < width; i++) {
            mean += x[offset + i] / width;
        }
        double variance = 0;
        for (int i = 0; i < width; i++) {
            variance += (x[offset + i] - mean) * (x[offset + i] - mean) / width;
        }
        double r = 1 / Math.sqrt(variance + eps);
        for (int i = 0; i < width; i++) {
            into[i] = (x[offset + i] - mean) * r;
        }
        return r;
    }
}

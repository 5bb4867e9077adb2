package dev.halcyon.tck.oracle;

/// The weighted sum of a token's expert outputs, `y[t] = Σ_k w[t,k] out[pos(t,k)]`, k ascending.
///
/// Source: TileKernels, `reduce_fused`.
public final class Combine {
    private Combine() {}

    /// Gradients with respect to the expert outputs and the routing weights.
    @SuppressWarnings("ArrayRecordComponent")
    public record Gradient(double[] dRows, double[] dWeights) {}

    /// Sums the rows of each token; a position of -1 adds nothing.
    ///
    /// @param rows `[dispatch rows, width]`
    /// @param positions `[tokens, topK]`
    /// @param weights `[tokens, topK]`
    /// @return `[tokens, width]`
    public static double[] forward(
            double[] rows, int[] positions, double[] weights, int topK, int width) {
        Shapes.require("weights", weights.length, positions.length);
        double[] y = new double[positions.length / topK * width];
        for (int i = 0; i < positions.length; i++) {
            for (int c = 0; positions[i] >= 0 && c < width; c++) {
                y[i / topK * width + c] += weights[i] * rows[positions[i] * width + c];
            }
        }
        return y;
    }

    /// `dRows[pos] = w dy[t]`, `dw[t,k] = <rows[pos], dy[t]>`.
    public static Gradient backward(
            double[] dy, double[] rows, int[] positions, double[] weights, int topK, int width) {
        double[] dRows = new double[rows.length];
        double[] dWeights = new double[weights.length];
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] < 0) {
                continue;
            }
            int token = i / topK * width;
            for (int c = 0; c < width; c++) {
                dRows[positions[i] * width + c] = weights[i] * dy[token + c];
            }
            dWeights[i] = Dot.of(rows, positions[i] * width, dy, token, width);
        }
        return new Gradient(dRows, dWeights);
    }
}

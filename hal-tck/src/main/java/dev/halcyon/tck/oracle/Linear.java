package dev.halcyon.tck.oracle;

/// The linear layer without bias, `y = x Wᵀ`, with the weight as checkpoints store it:
/// `[outFeatures, inFeatures]`.
public final class Linear {
    private Linear() {}

    /// `y[t, o] = Σ_i x[t, i] W[o, i]`.
    ///
    /// @param x `[tokens, inFeatures]`
    /// @return `[tokens, outFeatures]`
    /// @throws IllegalArgumentException if `x` is not a number of rows as wide as the weight
    public static double[] apply(double[] x, Rows weight) {
        int inFeatures = weight.columns();
        int outFeatures = weight.rows();
        int tokens = Shapes.quotient("x", x.length, inFeatures);
        double[] y = new double[tokens * outFeatures];
        double[] row = new double[inFeatures];
        for (int out = 0; out < outFeatures; out++) {
            weight.read(out, row);
            for (int token = 0; token < tokens; token++) {
                y[token * outFeatures + out] = Dot.of(x, token * inFeatures, row, 0, inFeatures);
            }
        }
        return y;
    }

    /// `x = y W`, the transposed layer: the gradient with respect to the input, and the absorbed
    /// query of MLA.
    ///
    /// @param y `[tokens, outFeatures]`
    /// @return `[tokens, inFeatures]`
    public static double[] applyTransposed(double[] y, Rows weight) {
        int inFeatures = weight.columns();
        int outFeatures = weight.rows();
        int tokens = Shapes.quotient("y", y.length, outFeatures);
        double[] x = new double[tokens * inFeatures];
        double[] row = new double[inFeatures];
        for (int out = 0; out < outFeatures; out++) {
            weight.read(out, row);
            for (int token = 0; token < tokens; token++) {
                double factor = y[token * outFeatures + out];
                for (int in = 0; in < inFeatures; in++) {
                    x[token * inFeatures + in] += factor * row[in];
                }
            }
        }
        return x;
    }

    /// `dW[o, i] = Σ_t dy[t, o] x[t, i]`, the gradient with respect to the weight.
    ///
    /// @return `[outFeatures, inFeatures]`
    public static double[] weightGradient(
            double[] dy, double[] x, int tokens, int outFeatures, int inFeatures) {
        Shapes.require("dy", dy.length, tokens, outFeatures);
        Shapes.require("x", x.length, tokens, inFeatures);
        double[] dw = new double[outFeatures * inFeatures];
        for (int token = 0; token < tokens; token++) {
            for (int out = 0; out < outFeatures; out++) {
                for (int in = 0; in < inFeatures; in++) {
                    dw[out * inFeatures + in] +=
                            dy[token * outFeatures + out] * x[token * inFeatures + in];
                }
            }
        }
        return dw;
    }
}

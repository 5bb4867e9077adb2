package dev.halcyon.tck.oracle;

/// The gated activation of the expert networks, `silu(gate) * up`, with an optional clamp and an
/// optional weight per row.
///
/// The clamp of DeepSeek-V4 limits the gate from above only and the up part on both sides; its mask
/// in the backward pass is taken on the unclamped value, equality counting as inside. Source:
/// DeepSeek-V4 inference/model.py, `Expert`; TileKernels, `torch/swiglu.py`.
public final class SwiGlu {
    /// The limit that clamps nothing.
    public static final double NO_LIMIT = Double.POSITIVE_INFINITY;

    private SwiGlu() {}

    /// Gradients of one element's gate and up values, and its contribution to the gradient of the
    /// row weight.
    public record ElementGradient(double dGate, double dUp, double dRowWeight) {}

    /// `silu(x) = x / (1 + exp(-x))`.
    public static double silu(double x) {
        return x * sigmoid(x);
    }

    /// `1 / (1 + exp(-x))`, which reaches 0 and 1 without overflow.
    public static double sigmoid(double x) {
        return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    }

    /// One element: `silu(min(gate, limit)) * clamp(up, -limit, limit)`.
    public static double activate(double gate, double up, double limit) {
        return silu(Math.min(gate, limit)) * Math.max(-limit, Math.min(up, limit));
    }

    /// Every element, times its row's weight.
    ///
    /// @param gate `[rows, width]`
    /// @param up `[rows, width]`
    /// @param rowWeights `[rows]`; all ones where the routing weight is applied after the down
    ///   projection
    /// @return `[rows, width]`
    public static double[] forward(double[] gate, double[] up, double[] rowWeights, double limit) {
        Shapes.require("up", up.length, gate.length);
        int width =
                rowWeights.length == 0
                        ? 1
                        : Shapes.quotient("gate", gate.length, rowWeights.length);
        double[] h = new double[gate.length];
        for (int i = 0; i < h.length; i++) {
            h[i] = activate(gate[i], up[i], limit) * rowWeights[i / width];
        }
        return h;
    }

    /// Every element without a row weight.
    public static double[] forward(double[] gate, double[] up, double limit) {
        Shapes.require("up", up.length, gate.length);
        double[] h = new double[gate.length];
        for (int i = 0; i < h.length; i++) {
            h[i] = activate(gate[i], up[i], limit);
        }
        return h;
    }

    /// With σ the sigmoid of the clamped gate g, u the clamped up value and `dh` the gradient of
    /// the weighted product: `dg = dh w u σ (1 + g (1 - σ)) [gate <= limit]`, `du = dh w silu(g)
    /// [|up| <= limit]`, `dw = dh silu(g) u`.
    public static ElementGradient backward(
            double dh, double gate, double up, double rowWeight, double limit) {
        double g = Math.min(gate, limit);
        double u = Math.max(-limit, Math.min(up, limit));
        double sigma = sigmoid(g);
        double dGate = gate <= limit ? dh * rowWeight * u * sigma * (1 + g * (1 - sigma)) : 0;
        double dUp = Math.abs(up) <= limit ? dh * rowWeight * silu(g) : 0;
        return new ElementGradient(dGate, dUp, dh * silu(g) * u);
    }
}

package dev.halcyon.tck.oracle;

/// A gated feed-forward network, `down(silu(gate x) * (up x))`: one expert, the shared experts, or
/// a dense layer.
///
/// Source: DeepSeek-V3 inference/model.py, `MLP` and `Expert` (w1 = gate, w3 = up, w2 = down).
///
/// @param gate `[inner, hidden]`
/// @param up `[inner, hidden]`
/// @param down `[hidden, inner]`
public record FeedForward(Rows gate, Rows up, Rows down) {
    /// Checks that the three weights fit together.
    ///
    /// @throws IllegalArgumentException if they do not
    public FeedForward {
        Shapes.require("up", up, gate.rows(), gate.columns());
        Shapes.require("down", down, gate.columns(), gate.rows());
    }

    /// Applies the network to every token.
    ///
    /// @param x `[tokens, hidden]`
    /// @param limit clamp of the activation, [SwiGlu#NO_LIMIT] for none
    /// @return `[tokens, hidden]`
    public double[] apply(double[] x, double limit) {
        return Linear.apply(activation(x, limit), down);
    }

    /// The input of the down projection, `[tokens, inner]`.
    public double[] activation(double[] x, double limit) {
        return SwiGlu.forward(Linear.apply(x, gate), Linear.apply(x, up), limit);
    }

    /// Applies the network with one weight per token, multiplied in where `position` says.
    ///
    /// @param rowWeights `[tokens]`
    public double[] apply(double[] x, double[] rowWeights, WeightPosition position, double limit) {
        int hidden = gate.columns();
        return switch (position) {
            case BEFORE_DOWN ->
                    Linear.apply(
                            SwiGlu.forward(
                                    Linear.apply(x, gate), Linear.apply(x, up), rowWeights, limit),
                            down);
            case AFTER_DOWN -> {
                double[] y = apply(x, limit);
                for (int i = 0; i < y.length; i++) {
                    y[i] *= rowWeights[i / hidden];
                }
                yield y;
            }
        };
    }

    /// Where the routing weight enters; the two agree in exact arithmetic and differ in what gets
    /// rounded.
    public enum WeightPosition {
        /// On the activation, before the down projection (DeepSeek-V4).
        BEFORE_DOWN,
        /// On the expert's output (DeepSeek-V3).
        AFTER_DOWN
    }
}

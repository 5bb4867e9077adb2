package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// The gradient of a gated feed-forward network whose output is weighted by row.
///
/// It does not matter whether the weight enters before or after the down projection: with `dp = dy
/// W_down`, `dh = w dp` and `dw = <dp, h>`. Source: TileKernels, `torch/swiglu.py`;
/// [SwiGlu#backward] has the activation's part.
///
/// @param dx `[rows, hidden]`
/// @param gate gradient of the gate weight, `[inner, hidden]`
/// @param up gradient of the up weight, `[inner, hidden]`
/// @param down gradient of the down weight, `[hidden, inner]`
/// @param rowWeights gradient of the row weights, `[rows]`
@SuppressWarnings("ArrayRecordComponent")
public record FeedForwardBackward(
        double[] dx, double[] gate, double[] up, double[] down, double[] rowWeights) {
    /// The gradient of a network without row weights.
    public static FeedForwardBackward of(
            FeedForward network, double[] dy, double[] x, double limit) {
        double[] ones = new double[Shapes.quotient("x", x.length, network.gate().columns())];
        Arrays.fill(ones, 1);
        return of(network, dy, x, ones, limit);
    }

    /// The gradient of `w * network(x)`.
    ///
    /// @param dy `[rows, hidden]`
    /// @param x `[rows, hidden]`
    /// @param weights `[rows]`
    public static FeedForwardBackward of(
            FeedForward network, double[] dy, double[] x, double[] weights, double limit) {
        int hidden = network.gate().columns();
        int inner = network.gate().rows();
        int rows = weights.length;
        Shapes.require("dy", dy.length, rows, hidden);
        double[] g = Linear.apply(x, network.gate());
        double[] u = Linear.apply(x, network.up());
        double[] dProduct = Linear.applyTransposed(dy, network.down());
        double[] dGate = new double[g.length];
        double[] dUp = new double[u.length];
        double[] dWeights = new double[rows];
        for (int i = 0; i < g.length; i++) {
            SwiGlu.ElementGradient element =
                    SwiGlu.backward(dProduct[i], g[i], u[i], weights[i / inner], limit);
            dGate[i] = element.dGate();
            dUp[i] = element.dUp();
            dWeights[i / inner] += element.dRowWeight();
        }
        double[] weighted = SwiGlu.forward(g, u, weights, limit);
        return new FeedForwardBackward(
                Axpby.apply(
                        1,
                        Linear.applyTransposed(dGate, network.gate()),
                        1,
                        Linear.applyTransposed(dUp, network.up())),
                Linear.weightGradient(dGate, x, rows, inner, hidden),
                Linear.weightGradient(dUp, x, rows, inner, hidden),
                Linear.weightGradient(dy, weighted, rows, hidden, inner),
                dWeights);
    }
}

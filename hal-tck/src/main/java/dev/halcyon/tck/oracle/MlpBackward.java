package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// The gradient of the second half of a decoder layer.
///
/// @param dx `[tokens, hidden]`
/// @param dense gradients of a dense network, or null
/// @param experts gradients of the experts, or null
/// @param gate gradient of the router's weight, or null
@SuppressWarnings("ArrayRecordComponent")
public record MlpBackward(
        double[] dx,
        @Nullable FeedForwardBackward dense,
        @Nullable MoeBackward experts,
        double @Nullable [] gate) {
    /// The gradient for the loss whose derivative by the output is `dy`.
    ///
    /// @param dy `[tokens, hidden]`
    /// @param x `[tokens, hidden]`
    public static MlpBackward of(Mlp mlp, double[] dy, double[] x, int hidden) {
        return switch (mlp) {
            case Mlp.Dense(FeedForward network) -> {
                FeedForwardBackward gradient =
                        FeedForwardBackward.of(network, dy, x, SwiGlu.NO_LIMIT);
                yield new MlpBackward(gradient.dx(), gradient, null, null);
            }
            case Mlp.Experts experts -> {
                Routing routing = Gate.route(x, experts.gate(), experts.bias(), experts.rule());
                yield of(experts.layer(), experts.gate(), routing, experts.rule(), dy, x, hidden);
            }
        };
    }

    /// The gradient of experts with their gate, for a given choice.
    public static MlpBackward of(
            MoeLayer layer,
            Rows gate,
            Routing routing,
            GateRule rule,
            double[] dy,
            double[] x,
            int hidden) {
        MoeBackward inner = MoeBackward.of(layer, dy, x, routing, hidden);
        double[] dLogits =
                GateBackward.logits(inner.routingWeights(), Linear.apply(x, gate), routing, rule);
        return new MlpBackward(
                Axpby.apply(1, inner.dx(), 1, Linear.applyTransposed(dLogits, gate)),
                null,
                inner,
                Linear.weightGradient(dLogits, x, routing.tokens(), rule.experts(), hidden));
    }
}

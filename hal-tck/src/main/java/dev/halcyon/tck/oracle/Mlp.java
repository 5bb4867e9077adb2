package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// The second half of a decoder layer: a dense network or a gate with experts.
public sealed interface Mlp {
    /// The output for `[tokens, hidden]` normalised hidden states.
    double[] apply(double[] x, int hidden);

    /// One network for every token.
    ///
    /// @param network the weights
    record Dense(FeedForward network) implements Mlp {
        @Override
        public double[] apply(double[] x, int hidden) {
            return network.apply(x, SwiGlu.NO_LIMIT);
        }
    }

    /// A mixture of experts.
    ///
    /// @param gate `[experts, hidden]` router weight
    /// @param bias `[experts]` correction bias, or null
    /// @param rule how the router chooses
    /// @param layer the experts
    @SuppressWarnings("ArrayRecordComponent")
    record Experts(Rows gate, double @Nullable [] bias, GateRule rule, MoeLayer layer)
            implements Mlp {
        @Override
        public double[] apply(double[] x, int hidden) {
            return layer.apply(x, Gate.route(x, gate, bias, rule), hidden);
        }
    }
}

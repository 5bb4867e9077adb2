package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.function.IntFunction;

/// The routed and shared experts of a mixture-of-experts layer, after the gate has chosen.
///
/// Source: DeepSeek-V3 inference/model.py, `MoE`; DeepSeek-V4 inference/model.py, `MoE`, which
/// clamps the shared experts too.
///
/// @param experts weights of an expert by its index among all experts; asked only for experts that
///   a token was routed to
/// @param firstExpert first expert that lives here
/// @param localExperts number of experts that live here; tokens routed elsewhere add nothing
/// @param shared the shared experts as one wide network, or null
/// @param limit clamp of the activation of routed and shared experts
/// @param position where the routing weight enters
public record MoeLayer(
        IntFunction<FeedForward> experts,
        int firstExpert,
        int localExperts,
        @Nullable FeedForward shared,
        double limit,
        FeedForward.WeightPosition position) {
    /// A layer with every expert here, no clamp, and the routing weight after the down projection.
    public static MoeLayer whole(
            IntFunction<FeedForward> experts, int count, @Nullable FeedForward shared) {
        return new MoeLayer(
                experts, 0, count, shared, SwiGlu.NO_LIMIT, FeedForward.WeightPosition.AFTER_DOWN);
    }

    /// The same layer with a clamp.
    public MoeLayer withLimit(double newLimit) {
        return new MoeLayer(experts, firstExpert, localExperts, shared, newLimit, position);
    }

    /// The same layer with the routing weight entering elsewhere.
    public MoeLayer withPosition(FeedForward.WeightPosition newPosition) {
        return new MoeLayer(experts, firstExpert, localExperts, shared, limit, newPosition);
    }

    /// The part of the same layer that one rank of an expert-parallel group computes.
    ///
    /// @param keepShared whether this rank computes the shared experts
    public MoeLayer local(int first, int count, boolean keepShared) {
        return new MoeLayer(experts, first, count, keepShared ? shared : null, limit, position);
    }

    /// Routed plus shared output.
    ///
    /// @param x `[tokens, hidden]`
    /// @return `[tokens, hidden]`
    public double[] apply(double[] x, Routing routing, int hidden) {
        double[] y = routed(x, routing, hidden);
        if (shared != null) {
            double[] extra = shared.apply(x, limit);
            for (int i = 0; i < y.length; i++) {
                y[i] += extra[i];
            }
        }
        return y;
    }

    /// The routed part alone: each token's experts in the order of its routing, summed in that
    /// order.
    public double[] routed(double[] x, Routing routing, int hidden) {
        Shapes.require("x", x.length, routing.tokens(), hidden);
        double[] y = new double[x.length];
        for (int token = 0; token < routing.tokens(); token++) {
            double[] row = Arrays.copyOfRange(x, token * hidden, (token + 1) * hidden);
            for (int k = 0; k < routing.topK(); k++) {
                int expert = routing.indices()[token * routing.topK() + k];
                if (expert < firstExpert || expert >= firstExpert + localExperts) {
                    continue;
                }
                double[] weight = {routing.weights()[token * routing.topK() + k]};
                double[] out = experts.apply(expert).apply(row, weight, position, limit);
                for (int c = 0; c < hidden; c++) {
                    y[token * hidden + c] += out[c];
                }
            }
        }
        return y;
    }
}

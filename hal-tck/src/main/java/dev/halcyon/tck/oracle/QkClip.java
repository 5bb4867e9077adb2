package dev.halcyon.tck.oracle;

/// The rescaling of attention weights whose logits grew too large, after an optimizer step.
///
/// Per head `γ = min(1, tau / maxLogit)`. In MLA the query's nope rows get `γ^alpha`, its rope rows
/// `γ`, the key rows of `kv_b_proj` `γ^(1-alpha)`; value rows and the shared rope key stay, so that
/// the head's largest logit becomes tau. Sources: Kimi K2 technical report (MuonClip); Megatron-LM,
/// `clip_qk`.
///
/// @param tau largest logit that is let through
/// @param alpha the query's share of the nope part, 0.5 in Kimi K2
public record QkClip(double tau, double alpha) {
    /// `γ` of every head; a head without any logit (negative infinity) or with a negative largest
    /// logit keeps 1.
    ///
    /// @param maxLogits `[heads]` largest logit of the forward pass, scale included
    public double[] factors(double[] maxLogits) {
        double[] factors = new double[maxLogits.length];
        for (int head = 0; head < factors.length; head++) {
            factors[head] = maxLogits[head] > tau ? tau / maxLogits[head] : 1;
        }
        return factors;
    }

    /// The rescaled query projection.
    ///
    /// @param weight `[heads * (nope + rope), inFeatures]`
    public double[] clipQuery(double[] weight, MlaShape shape, double[] factors) {
        int width =
                Shapes.quotient(
                        "query projection", weight.length, shape.heads() * shape.queryWidth());
        double[] clipped = weight.clone();
        for (int i = 0; i < clipped.length; i++) {
            int row = i / width;
            double factor = factors[row / shape.queryWidth()];
            clipped[i] *=
                    row % shape.queryWidth() < shape.nope() ? Math.pow(factor, alpha) : factor;
        }
        return clipped;
    }

    /// The rescaled `kv_b_proj`.
    ///
    /// @param weight `[heads * (nope + value), latent]`
    public double[] clipKeyValue(double[] weight, MlaShape shape, double[] factors) {
        int perHead = shape.nope() + shape.value();
        Shapes.require("kv_b_proj", weight.length, shape.heads() * perHead, shape.latent());
        double[] clipped = weight.clone();
        for (int i = 0; i < clipped.length; i++) {
            int row = i / shape.latent();
            if (row % perHead < shape.nope()) {
                clipped[i] *= Math.pow(factors[row / perHead], 1 - alpha);
            }
        }
        return clipped;
    }
}

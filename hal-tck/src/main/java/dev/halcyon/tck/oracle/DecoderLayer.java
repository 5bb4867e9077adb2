package dev.halcyon.tck.oracle;

/// One transformer layer with pre-normalisation: `h = x + attention(norm(x))`, `y = h +
/// mlp(norm(h))`.
///
/// Source: DeepSeek-V3 inference/model.py, `Block`.
///
/// @param attentionNorm `input_layernorm`, `[hidden]`
/// @param attention the attention layer
/// @param mlpNorm `post_attention_layernorm`, `[hidden]`
/// @param mlp dense network or experts
/// @param normEps eps of the two norms
@SuppressWarnings("ArrayRecordComponent")
public record DecoderLayer(
        double[] attentionNorm, MlaLayer attention, double[] mlpNorm, Mlp mlp, double normEps) {
    /// Runs the tokens of one sequence through the layer.
    ///
    /// @param x `[tokens, hidden]`
    /// @param positions `[tokens]`
    /// @param cache rows of the tokens before; grows by `tokens`
    /// @return `[tokens, hidden]`
    public double[] forward(double[] x, int[] positions, LatentCache cache, MlaLayer.Form form) {
        int hidden = attentionNorm.length;
        double[] normalised = RmsNorm.forward(x, hidden, attentionNorm, normEps);
        double[] h =
                Axpby.apply(1, x, 1, attention.forward(normalised, positions, cache, form).y());
        return Axpby.apply(
                1, h, 1, mlp.apply(RmsNorm.forward(h, hidden, mlpNorm, normEps), hidden));
    }
}

package dev.halcyon.tck.oracle;

/// The gradient of a decoder layer over one sequence without earlier context.
///
/// @param dx `[tokens, hidden]`
/// @param attentionNorm gradient of `input_layernorm`
/// @param attention gradients of the attention layer
/// @param mlpNorm gradient of `post_attention_layernorm`
/// @param mlp gradients of the second half
@SuppressWarnings("ArrayRecordComponent")
public record DecoderLayerBackward(
        double[] dx,
        double[] attentionNorm,
        MlaBackward attention,
        double[] mlpNorm,
        MlpBackward mlp) {
    /// The gradient for the loss whose derivative by the layer's output is `dy`.
    ///
    /// @param dy `[tokens, hidden]`
    /// @param x `[tokens, hidden]`
    /// @param positions `[tokens]`
    public static DecoderLayerBackward of(
            DecoderLayer layer, double[] dy, double[] x, int[] positions) {
        int hidden = layer.attentionNorm().length;
        double[] first = RmsNorm.forward(x, hidden, layer.attentionNorm(), layer.normEps());
        LatentCache cache = new LatentCache(layer.attention().shape().cacheWidth());
        double[] attended =
                layer.attention().forward(first, positions, cache, MlaLayer.Form.NAIVE).y();
        double[] h = Axpby.apply(1, x, 1, attended);
        double[] second = RmsNorm.forward(h, hidden, layer.mlpNorm(), layer.normEps());

        MlpBackward mlp = MlpBackward.of(layer.mlp(), dy, second, hidden);
        RmsNorm.Gradient mlpNorm =
                RmsNorm.backward(mlp.dx(), h, hidden, layer.mlpNorm(), layer.normEps());
        double[] dh = Axpby.apply(1, dy, 1, mlpNorm.dx());
        MlaBackward attention = MlaBackward.of(layer.attention(), dh, first, positions);
        RmsNorm.Gradient attentionNorm =
                RmsNorm.backward(attention.dx(), x, hidden, layer.attentionNorm(), layer.normEps());
        return new DecoderLayerBackward(
                Axpby.apply(1, dh, 1, attentionNorm.dx()),
                attentionNorm.dWeight(),
                attention,
                mlpNorm.dWeight(),
                mlp);
    }
}

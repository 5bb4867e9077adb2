package dev.halcyon.engine.model;

import dev.halcyon.engine.weights.AttentionWeights;
import dev.halcyon.engine.weights.LayerWeights;
import dev.halcyon.engine.weights.ModelWeights;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.Tensor;

import java.util.List;

/// The whole decoder for a number of token rows: embedding, layers, final norm.
///
/// The residual sum that ends a sublayer and the norm that begins the next one are one kernel.
public final class Decoder {
    /// What attention does between queries and the output projection.
    @FunctionalInterface
    public interface Attention {
        /// Adds the kernels of one layer's attention, from `query` to `heads`.
        void add(
                LaunchSink sink,
                ModelDims dims,
                AttentionWeights weights,
                Activations x,
                CachePool cache);
    }

    private final ModelDims dims;
    private final ModelWeights weights;
    private final List<CachePool> caches;

    /// Makes the decoder of a model with one cache pool a layer.
    public Decoder(ModelDims dims, ModelWeights weights, List<CachePool> caches) {
        this.dims = dims;
        this.weights = weights;
        this.caches = List.copyOf(caches);
    }

    /// {@return sizes and types}
    public ModelDims dims() {
        return dims;
    }

    /// Adds every kernel from token ids to the normalised hidden rows, which end up in
    /// `x.normed()`.
    public void add(LaunchSink sink, Activations x, Attention attention) {
        var config = dims.config();
        sink.add(
                new Embedding(
                        x.bound(),
                        config.vocabularySize(),
                        config.hiddenSize(),
                        weights.embedding().dtype(),
                        dims.activation()),
                new Embedding.Args(x.ids(), weights.embedding(), x.hidden(), x.activeRows()));
        Tensor firstNorm = weights.layers().getFirst().attentionNorm();
        sink.add(
                RmsNorm.of(x.bound(), config.hiddenSize(), dims.activation(), config.rmsNormEps())
                        .withTypes(dims.activation(), firstNorm.dtype(), dims.activation()),
                new RmsNorm.Args(x.hidden(), firstNorm, x.normed(), null, x.activeRows()));
        for (int i = 0; i < weights.layers().size(); i++) {
            LayerWeights layer = weights.layers().get(i);
            AttentionInputs.add(sink, dims, layer.attention(), x, caches.get(i));
            attention.add(sink, dims, layer.attention(), x, caches.get(i));
            long width = (long) config.attention().heads() * config.attention().valueDim();
            Linear.add(
                    sink,
                    dims,
                    x.heads().reshape(x.rows(), width),
                    layer.attention().output(),
                    x.sublayer(),
                    x.activeRows());
            addAndNorm(sink, x, layer.mlpNorm());
            FeedForward.add(sink, dims, layer, x);
            boolean last = i == weights.layers().size() - 1;
            addAndNorm(
                    sink,
                    x,
                    last ? weights.finalNorm() : weights.layers().get(i + 1).attentionNorm());
        }
    }

    private void addAndNorm(LaunchSink sink, Activations x, Tensor weight) {
        sink.add(
                AddRmsNorm.of(
                                x.bound(),
                                dims.config().hiddenSize(),
                                dims.activation(),
                                dims.config().rmsNormEps())
                        .withTypes(dims.activation(), weight.dtype(), dims.activation()),
                AddRmsNorm.Args.of(x.sublayer(), x.hidden(), weight, x.hidden(), x.normed())
                        .withActiveRows(x.activeRows()));
    }

    /// Adds the head: from normalised rows to logits, both with one row a sequence.
    public void addHead(LaunchSink sink, Tensor normed, Tensor logits, Tensor activeRows) {
        Linear.add(sink, dims, normed, weights.head(), logits, activeRows);
    }

    /// Adds the head without a bound on the rows.
    public void addHead(LaunchSink sink, Tensor normed, Tensor logits) {
        Linear.add(sink, dims, normed, weights.head(), logits, null);
    }
}

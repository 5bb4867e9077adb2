package dev.halcyon.tck.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// A whole language model: embedding, decoder layers, final norm, output projection.
///
/// Source: DeepSeek-V3 inference/model.py, `Transformer`.
///
/// @param embedding `[vocabulary, hidden]`
/// @param layers the decoder layers
/// @param finalNorm `[hidden]`
/// @param normEps eps of the final norm
/// @param head `[vocabulary, hidden]`
@SuppressWarnings("ArrayRecordComponent")
public record DecoderModel(
        Rows embedding, List<DecoderLayer> layers, double[] finalNorm, double normEps, Rows head) {
    /// Copies the list of layers.
    public DecoderModel {
        layers = List.copyOf(layers);
    }

    /// What a forward pass yields.
    ///
    /// @param hiddenStates the embedding, then each layer's output, the last one after the final
    ///   norm: each `[tokens, hidden]`
    /// @param logits `[tokens, vocabulary]`
    @SuppressWarnings("ArrayRecordComponent")
    public record Output(List<double[]> hiddenStates, double[] logits) {}

    /// The tokens of a greedy generation and the logits that each was taken from.
    @SuppressWarnings("ArrayRecordComponent")
    public record Generation(int[] tokens, List<double[]> logits) {}

    /// The caches of one sequence, empty at first.
    public final class Sequence {
        private final List<LatentCache> caches = new ArrayList<>();
        private int length;

        /// A sequence without tokens.
        public Sequence() {
            for (DecoderLayer layer : layers) {
                caches.add(new LatentCache(layer.attention().shape().cacheWidth()));
            }
        }

        /// Tokens seen so far.
        public int length() {
            return length;
        }

        /// Runs the next tokens of the sequence through the model.
        public Output forward(int[] tokens, MlaLayer.Form form) {
            int[] positions = IntStream.range(length, length + tokens.length).toArray();
            double[] x = Embedding.gather(tokens, embedding);
            List<double[]> hiddenStates = new ArrayList<>(List.of(x));
            for (int i = 0; i < layers.size(); i++) {
                x = layers.get(i).forward(x, positions, caches.get(i), form);
                hiddenStates.add(x);
            }
            x = RmsNorm.forward(x, finalNorm.length, finalNorm, normEps);
            hiddenStates.set(hiddenStates.size() - 1, x);
            length += tokens.length;
            return new Output(hiddenStates, Linear.apply(x, head));
        }
    }

    /// The next `count` tokens after `prompt`, each the one with the largest logit; end-of-sequence
    /// tokens do not stop it.
    ///
    /// @throws IllegalArgumentException if the prompt is empty
    public Generation greedy(int[] prompt, int count) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException(
                    "the prompt is empty; a model needs at least one token to continue");
        }
        Sequence sequence = new Sequence();
        int[] next = prompt;
        int[] tokens = new int[count];
        List<double[]> logits = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            double[] all =
                    sequence.forward(next, i == 0 ? MlaLayer.Form.NAIVE : MlaLayer.Form.ABSORBED)
                            .logits();
            double[] last = Columns.slice(all, all.length, all.length - head.rows(), head.rows());
            logits.add(last);
            tokens[i] = Sampling.greedy(last);
            next = new int[] {tokens[i]};
        }
        return new Generation(tokens, logits);
    }
}

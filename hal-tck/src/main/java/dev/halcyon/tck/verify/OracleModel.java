package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.tck.fixture.ModelAssembly;
import dev.halcyon.tck.oracle.DecoderLayer;
import dev.halcyon.tck.oracle.DecoderModel;
import dev.halcyon.tck.oracle.Embedding;
import dev.halcyon.tck.oracle.LatentCache;
import dev.halcyon.tck.oracle.MlaLayer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// The oracle's model of a checkpoint, asked for what goes into every layer.
final class OracleModel {
    private final DecoderModel model;
    private final List<LatentCache> caches = new ArrayList<>();
    private int length;

    OracleModel(CheckpointFolder folder) {
        model = ModelAssembly.model(folder);
        for (DecoderLayer layer : model.layers()) {
            caches.add(new LatentCache(layer.attention().shape().cacheWidth()));
        }
    }

    /// What some tokens are on their way through the model.
    ///
    /// @param inputs of every layer, `[tokens, hidden]` each
    /// @param margins of every layer's choice of experts, a number a token
    record Pass(List<double[]> inputs, List<double[]> margins) {
        /// The tokens of every layer whose choice is not clear at `tolerance`.
        List<Ties> ties(double tolerance) {
            return margins.stream().map(layer -> Ties.of(layer, tolerance)).toList();
        }

        /// How clearly the last token chose its experts in the last layer.
        double lastMargin() {
            double[] last = margins.getLast();
            return last[last.length - 1];
        }
    }

    /// Runs the next tokens of the sequence.
    Pass forward(int... tokens) {
        int[] positions = IntStream.range(length, length + tokens.length).toArray();
        double[] x = Embedding.gather(tokens, model.embedding());
        List<double[]> inputs = new ArrayList<>();
        List<double[]> margins = new ArrayList<>();
        for (int i = 0; i < model.layers().size(); i++) {
            inputs.add(x);
            OraclePass pass =
                    OraclePass.of(model.layers().get(i), x, positions, caches.get(i), MlaLayer.Form.NAIVE);
            margins.add(pass.margins());
            x = pass.out();
        }
        length += tokens.length;
        return new Pass(inputs, margins);
    }
}

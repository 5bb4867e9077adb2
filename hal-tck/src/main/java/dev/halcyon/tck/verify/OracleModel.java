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
    /// @param layers what every layer makes of them
    record Pass(List<double[]> inputs, List<OraclePass> layers) {
        /// The tokens of every layer that have no defined result at the precision of a run.
        List<Ties> ties(Comparison found) {
            return layers.stream()
                    .map(layer -> Ties.of(layer.margins(), layer.doubts(), found))
                    .toList();
        }

        /// Whether the last token has none in the last layer.
        boolean isLastUnclear(Comparison found) {
            Ties last = ties(found).getLast();
            return last.leavesOut(last.tokens() - 1);
        }
    }

    /// Runs the next tokens of the sequence.
    Pass forward(int... tokens) {
        int[] positions = IntStream.range(length, length + tokens.length).toArray();
        double[] x = Embedding.gather(tokens, model.embedding());
        List<double[]> inputs = new ArrayList<>();
        List<OraclePass> layers = new ArrayList<>();
        for (int i = 0; i < model.layers().size(); i++) {
            inputs.add(x);
            OraclePass pass =
                    OraclePass.of(
                            model.layers().get(i),
                            x,
                            positions,
                            caches.get(i),
                            MlaLayer.Form.NAIVE);
            layers.add(pass);
            x = pass.out();
        }
        length += tokens.length;
        return new Pass(inputs, layers);
    }
}

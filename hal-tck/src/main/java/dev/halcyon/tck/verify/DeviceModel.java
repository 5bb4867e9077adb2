package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A checkpoint's model put together from kernel specs, with the caches of one sequence.
final class DeviceModel {
    private final Workbench bench;
    private final ModelConfig config;
    private final Tensor embedding;
    private final Operand head;
    private final Tensor finalNorm;
    private final List<DecoderBlock> layers = new ArrayList<>();
    private final List<CachePool> caches = new ArrayList<>();
    private final SequenceBatch batch;

    /// @param capacity most tokens of the sequence
    DeviceModel(CheckpointFolder folder, Workbench bench, int capacity) {
        this.bench = bench;
        this.config = folder.config();
        FolderWeights weights = new FolderWeights(folder, bench);
        WeightNames names = WeightNames.in(folder);
        this.embedding = weights.plain(names.embedding());
        this.head = config.tiedEmbeddings() ? embedding : weights.matrix(names.head());
        this.finalNorm = weights.vector(names.finalNorm());
        this.batch = new SequenceBatch(bench, 1, capacity, 0);
        for (int i = 0; i < config.layers(); i++) {
            DecoderBlock layer =
                    new DecoderBlock(bench, config, config.hasExperts(i), weights, names.layer(i));
            layers.add(layer);
            caches.add(layer.attention().cache(batch));
        }
    }

    /// What a pass yields.
    ///
    /// @param states the embedding, then each layer's output, the last one after the final norm
    /// @param logits of every token
    /// @param lastToken the likeliest token after the last one
    @SuppressWarnings("ArrayRecordComponent")
    record Output(List<double[]> states, double[] logits, int lastToken) {
        double[] lastLogits(int vocabulary) {
            return Arrays.copyOfRange(logits, logits.length - vocabulary, logits.length);
        }
    }

    DType storage() {
        return bench.storage();
    }

    Output prefill(int[] tokens) {
        return prefill(tokens, List.of());
    }

    /// @param inputs what every layer is given instead of the result of the one before
    Output prefill(int[] tokens, List<double[]> inputs) {
        return run(tokens, batch.step(0, tokens.length), true, inputs);
    }

    Output decode(int token, int position) {
        return decode(token, position, List.of());
    }

    Output decode(int token, int position, List<double[]> inputs) {
        return run(new int[] {token}, batch.step(position, position + 1), false, inputs);
    }

    private Output run(
            int[] tokens, SequenceBatch.Step step, boolean naive, List<double[]> inputs) {
        int live = tokens.length;
        int hidden = config.hiddenSize();
        List<double[]> states = new ArrayList<>();
        Tensor x = bench.unfilled(live, hidden);
        bench.run(
                new Embedding(
                        bench.bound(live),
                        config.vocabularySize(),
                        hidden,
                        embedding.dtype(),
                        bench.storage()),
                new Embedding.Args(
                        bench.intRows(tokens, live, Integer.MAX_VALUE),
                        embedding,
                        x,
                        step.active()));
        states.add(bench.read(x, live));
        for (int i = 0; i < layers.size(); i++) {
            DecoderBlock layer = layers.get(i);
            Tensor input = inputs.isEmpty() ? x : bench.rows(inputs.get(i), live, hidden);
            x =
                    naive
                            ? layer.prefill(input, step, caches.get(i))
                            : layer.decode(input, step, caches.get(i));
            states.add(bench.read(x, live));
        }
        Tensor normed = bench.unfilled(live, hidden);
        bench.run(
                RmsNorm.of(bench.bound(live), hidden, bench.storage(), config.rmsNormEps()),
                new RmsNorm.Args(x, finalNorm, normed, null, step.active()));
        states.set(states.size() - 1, bench.read(normed, live));
        Tensor logits = Linears.apply(bench, normed, head, DType.F32, live, step.active());
        Tensor ids = bench.unfilled(DType.I32, live);
        bench.run(
                Sample.greedy(bench.bound(live), config.vocabularySize(), DType.F32),
                new Sample.Args(logits, null, null, null, null, null, ids, step.active()));
        return new Output(states, bench.read(logits, live), bench.readInts(ids)[live - 1]);
    }
}

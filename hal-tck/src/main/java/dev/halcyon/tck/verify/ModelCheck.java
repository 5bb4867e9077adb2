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
import dev.halcyon.tck.fixture.Fixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Decoder layers and whole small models.
final class ModelCheck {
    private ModelCheck() {}

    static void decoderLayer(Fixture fixture, Workbench bench, Comparison found) {
        ModelConfig config = ModelConfig.parse(fixture.name(), fixture.text("config"));
        boolean experts = fixture.text("layer_kind").equals("moe");
        FixtureWeights weights = new FixtureWeights(fixture, bench, name -> name);
        DecoderLayer layer = new DecoderLayer(bench, config, experts, weights, new WeightNames.Layer("w."));
        Generation.of(fixture, bench, 0).run(layer::prefill, layer::decode, layer.attention(), 0, found);
    }

    static void generation(Fixture fixture, Workbench bench, Comparison found) {
        int[] prompt = fixture.ints("in.prompt");
        int[] expected = fixture.ints("out.generated");
        try (CheckpointFolder folder = CheckpointFolder.open(fixture.checkpoint())) {
            Model model = new Model(folder, bench, prompt.length + expected.length);
            Output prefill = model.prefill(prompt);
            if (fixture.has("out.hidden_states")) {
                found.close("out.hidden_states", fixture.doubles("out.hidden_states"), concatenated(prefill.states()));
            }
            found.close("out.prompt_logits", fixture.doubles("out.prompt_logits"), prefill.logits());
            steps(fixture, model, prefill, prompt.length, expected, found);
        }
    }

    /// In F32 the device goes on with its own tokens. In BF16 it is given the expected ones, and a token counts where
    /// the two best logits are further apart than BF16 can confuse.
    private static void steps(
            Fixture fixture, Model model, Output prefill, int promptLength, int[] expected, Comparison found) {
        double[] expectedLogits = fixture.doubles("out.step_logits");
        int vocabulary = expectedLogits.length / expected.length;
        boolean exact = model.bench.storage() == DType.F32;
        double[] logits = new double[expectedLogits.length];
        int[] tokens = new int[expected.length];
        int skipped = 0;
        double[] last = Arrays.copyOfRange(
                prefill.logits(), prefill.logits().length - vocabulary, prefill.logits().length);
        int token = prefill.lastToken();
        for (int i = 0; i < expected.length; i++) {
            System.arraycopy(last, 0, logits, i * vocabulary, vocabulary);
            boolean decided = exact || isDecided(expectedLogits, i, vocabulary, found.tolerance());
            tokens[i] = decided ? token : expected[i];
            skipped += decided ? 0 : 1;
            if (i + 1 < expected.length) {
                Output next = model.decode(exact ? token : expected[i], promptLength + i);
                last = next.logits();
                token = next.lastToken();
            }
        }
        found.exact("out.generated", expected, tokens);
        found.close("out.step_logits", expectedLogits, logits);
        if (skipped > 0) {
            found.note(skipped + " of " + expected.length + " tokens closer than " + model.bench.storage()
                    + " tells apart");
        }
    }

    private static boolean isDecided(double[] logits, int row, int vocabulary, double tolerance) {
        double[] sorted = Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary);
        Arrays.sort(sorted);
        double largest = Math.max(Math.abs(sorted[0]), Math.abs(sorted[vocabulary - 1]));
        return vocabulary < 2 || sorted[vocabulary - 1] - sorted[vocabulary - 2] > 2 * tolerance * largest;
    }

    private static double[] concatenated(List<double[]> rows) {
        return rows.stream().flatMapToDouble(Arrays::stream).toArray();
    }

    /// What a pass yields.
    ///
    /// @param states the embedding, then each layer's output, the last one after the final norm
    /// @param logits of every row
    /// @param lastToken the likeliest token after the last row
    @SuppressWarnings("ArrayRecordComponent")
    private record Output(List<double[]> states, double[] logits, int lastToken) {}

    /// A checkpoint's decoder with the caches of one sequence.
    private static final class Model {
        private final Workbench bench;
        private final ModelConfig config;
        private final Tensor embedding;
        private final Operand head;
        private final Tensor finalNorm;
        private final List<DecoderLayer> layers = new ArrayList<>();
        private final List<CachePool> caches = new ArrayList<>();
        private final SequenceBatch batch;

        Model(CheckpointFolder folder, Workbench bench, int capacity) {
            this.bench = bench;
            this.config = folder.config();
            FolderWeights weights = new FolderWeights(folder, bench);
            WeightNames names = WeightNames.in(folder);
            this.embedding = weights.plain(names.embedding());
            this.head = config.tiedEmbeddings() ? embedding : weights.matrix(names.head());
            this.finalNorm = weights.vector(names.finalNorm());
            this.batch = new SequenceBatch(bench, 1, capacity, 0);
            for (int i = 0; i < config.layers(); i++) {
                DecoderLayer layer = new DecoderLayer(bench, config, config.hasExperts(i), weights, names.layer(i));
                layers.add(layer);
                caches.add(layer.attention().cache(batch));
            }
        }

        Output prefill(int[] tokens) {
            return run(tokens, batch.step(0, tokens.length), true);
        }

        Output decode(int token, int position) {
            return run(new int[] {token}, batch.step(position, position + 1), false);
        }

        private Output run(int[] tokens, SequenceBatch.Step step, boolean naive) {
            int live = tokens.length;
            int hidden = config.hiddenSize();
            List<double[]> states = new ArrayList<>();
            Tensor x = bench.unfilled(live, hidden);
            bench.run(
                    new Embedding(
                            bench.bound(live), config.vocabularySize(), hidden, embedding.dtype(), bench.storage()),
                    new Embedding.Args(bench.intRows(tokens, live, Integer.MAX_VALUE), embedding, x, step.active()));
            states.add(bench.read(x, live));
            for (int i = 0; i < layers.size(); i++) {
                DecoderLayer layer = layers.get(i);
                x = naive ? layer.prefill(x, step, caches.get(i)) : layer.decode(x, step, caches.get(i));
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
}

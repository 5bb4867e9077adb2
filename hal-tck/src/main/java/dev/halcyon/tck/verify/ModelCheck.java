package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.ModelAssembly;
import dev.halcyon.tck.fixture.Weights;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/// Decoder layers and whole small models.
final class ModelCheck {
    private ModelCheck() {}

    static void decoderLayer(Fixture fixture, Workbench bench, Comparison found) {
        ModelConfig config = ModelConfig.parse(fixture.name(), fixture.text("config"));
        boolean experts = fixture.text("layer_kind").equals("moe");
        WeightNames.Layer names = new WeightNames.Layer("w.");
        FixtureWeights weights = new FixtureWeights(fixture, bench, name -> name);
        DecoderBlock layer = new DecoderBlock(bench, config, experts, weights, names);
        Generation generation = Generation.of(fixture, bench, 0);
        Generation.Unclear ties =
                generation.of(
                        ModelAssembly.layer(config, experts, names, Weights.of(fixture)), found);
        generation.run(layer::prefill, layer::decode, layer.attention(), 0, found, ties);
    }

    static void generation(Fixture fixture, Workbench bench, Comparison found) {
        int[] prompt = fixture.ints("in.prompt");
        int[] expected = fixture.ints("out.generated");
        try (CheckpointFolder folder = CheckpointFolder.open(fixture.checkpoint())) {
            DeviceModel model = new DeviceModel(folder, bench, prompt.length + expected.length);
            if (bench.storage() == DType.F32) {
                onItsOwn(fixture, model, prompt, expected, found);
            } else {
                layerByLayer(fixture, model, new OracleModel(folder), prompt, expected, found);
            }
        }
    }

    /// The device goes on with its own tokens, and they must be the expected ones.
    private static void onItsOwn(
            Fixture fixture, DeviceModel model, int[] prompt, int[] expected, Comparison found) {
        DeviceModel.Output output = model.prefill(prompt);
        if (fixture.has("out.hidden_states")) {
            double[] states = output.states().stream().flatMapToDouble(Arrays::stream).toArray();
            found.close("out.hidden_states", fixture.doubles("out.hidden_states"), states);
        }
        found.close("out.prompt_logits", fixture.doubles("out.prompt_logits"), output.logits());
        int vocabulary = output.logits().length / prompt.length;
        double[] logits = new double[expected.length * vocabulary];
        int[] tokens = new int[expected.length];
        for (int i = 0; i < expected.length; i++) {
            System.arraycopy(output.lastLogits(vocabulary), 0, logits, i * vocabulary, vocabulary);
            tokens[i] = output.lastToken();
            if (i + 1 < expected.length) {
                output = model.decode(tokens[i], prompt.length + i);
            }
        }
        found.exact("out.generated", expected, tokens);
        found.close("out.step_logits", fixture.doubles("out.step_logits"), logits);
    }

    /// Every layer is given what the reference has at that place, and its result is compared.
    ///
    /// A router that sees BF16 may choose another expert where two are close, and everything behind
    /// it then differs, rightly; so the layers are checked one by one, and the tokens of such
    /// choices left out.
    private static void layerByLayer(
            Fixture fixture,
            DeviceModel model,
            OracleModel oracle,
            int[] prompt,
            int[] expected,
            Comparison found) {
        OracleModel.Pass reference = oracle.forward(prompt);
        DeviceModel.Output output = model.prefill(prompt, reference.inputs());
        List<Ties> ties = reference.ties(found);
        if (fixture.has("out.hidden_states")) {
            compareStates(fixture.doubles("out.hidden_states"), output.states(), ties, found);
        }
        Ties last = ties.getLast();
        found.closeRows(
                "out.prompt_logits", fixture.doubles("out.prompt_logits"), output.logits(), last);
        int vocabulary = output.logits().length / prompt.length;
        double[] expectedLogits = fixture.doubles("out.step_logits");
        BitSet unclear = new BitSet();
        double[] logits = new double[expected.length * vocabulary];
        int[] tokens = new int[expected.length];
        int open = 0;
        for (int i = 0; i < expected.length; i++) {
            unclear.set(i, reference.isLastUnclear(found));
            System.arraycopy(output.lastLogits(vocabulary), 0, logits, i * vocabulary, vocabulary);
            boolean defined = !unclear.get(i) && isDecided(expectedLogits, i, vocabulary, found);
            tokens[i] = defined ? output.lastToken() : expected[i];
            open += output.lastToken() == tokens[i] ? 0 : 1;
            if (i + 1 < expected.length) {
                reference = oracle.forward(expected[i]);
                output = model.decode(expected[i], prompt.length + i, reference.inputs());
            }
        }
        found.exact("out.generated", expected, tokens);
        found.closeRows(
                "out.step_logits", expectedLogits, logits, new Ties(expected.length, unclear));
        if (open > 0) {
            found.note(
                    open
                            + " of "
                            + expected.length
                            + " tokens differ where "
                            + model.storage()
                            + " cannot tell the best two apart");
        }
    }

    /// @param states the embedding and every layer's output
    /// @param ties of every layer
    private static void compareStates(
            double[] expected, List<double[]> states, List<Ties> ties, Comparison found) {
        BitSet unclear = new BitSet();
        int tokens = ties.getFirst().tokens();
        for (int i = 1; i < states.size(); i++) {
            for (int t = 0; t < tokens; t++) {
                unclear.set(i * tokens + t, ties.get(i - 1).leavesOut(t));
            }
        }
        found.closeRows(
                "out.hidden_states",
                expected,
                states.stream().flatMapToDouble(Arrays::stream).toArray(),
                new Ties(states.size() * tokens, unclear));
    }

    /// Whether the two best logits are further apart than the tolerance can confuse.
    private static boolean isDecided(double[] logits, int row, int vocabulary, Comparison found) {
        double[] sorted = Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary);
        Arrays.sort(sorted);
        double largest =
                IntStream.range(0, logits.length)
                        .mapToDouble(i -> Math.abs(logits[i]))
                        .max()
                        .orElse(0);
        return vocabulary < 2
                || sorted[vocabulary - 1] - sorted[vocabulary - 2]
                        > 2 * found.tolerance() * largest;
    }
}

package dev.halcyon.tck.verify;

import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.GateCase;
import dev.halcyon.tck.fixture.MoeCase;
import dev.halcyon.tck.oracle.FeedForward;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/// Gates and mixture-of-experts layers.
final class ExpertCheck {
    private ExpertCheck() {}

    /// The operands of a gate.
    private record GateOperands(
            MoeGate spec,
            Tensor x,
            Tensor weight,
            @Nullable Tensor bias,
            @Nullable Tensor tokenIds,
            @Nullable Tensor table) {
        static GateOperands of(GateCase gate, Workbench bench) {
            int tokens = gate.tokens();
            int hidden = gate.weight().columns();
            int[] table = gate.table();
            int vocabulary = table == null ? 0 : table.length / gate.rule().topK();
            double[] bias = gate.bias();
            return new GateOperands(
                    Specs.gate(
                            gate.rule(),
                            bench.bound(tokens),
                            hidden,
                            bias != null,
                            vocabulary,
                            bench.storage()),
                    bench.rows(gate.x(), tokens, hidden),
                    bench.weight(gate.weight().toArray(), gate.rule().experts(), hidden),
                    bias == null ? null : bench.tensor(DType.F32, bias, bias.length),
                    gate.tokenIds() == null ? null : bench.intRows(gate.tokenIds(), tokens, -1),
                    table == null ? null : table(bench, table, vocabulary));
        }

        /// Checkpoints store the table as I64, the reference code as I32; one kind of run has the
        /// one, one the other.
        private static Tensor table(Workbench bench, int[] table, int vocabulary) {
            DType dtype = bench.isBounded() ? DType.I64 : DType.I32;
            Tensor tensor = bench.arena().tensor(dtype, vocabulary, table.length / vocabulary);
            bench.write(tensor, table);
            return tensor;
        }
    }

    static void gate(Fixture fixture, Workbench bench, Comparison found) {
        GateCase gate = GateCase.of(fixture);
        GateOperands operands = GateOperands.of(gate, bench);
        int tokens = gate.tokens();
        Tensor indices = bench.unfilled(DType.I32, tokens, gate.rule().topK());
        Tensor weights = bench.unfilled(DType.F32, tokens, gate.rule().topK());
        Tensor scores = bench.unfilled(DType.F32, tokens, gate.rule().experts());
        bench.run(
                operands.spec(),
                MoeGate.Args.of(operands.x(), operands.weight(), indices, weights)
                        .withBias(operands.bias())
                        .withHash(operands.tokenIds(), operands.table())
                        .withScores(scores)
                        .withActiveRows(bench.active(tokens)));
        Ties ties = Ties.of(fixture, tokens);
        ties.note(found);
        choice(fixture, bench, found, ties, indices, weights);
        if (fixture.has("out.scores")) {
            found.close("out.scores", fixture.doubles("out.scores"), bench.read(scores, tokens));
        }
    }

    static void layer(Fixture fixture, Workbench bench, Comparison found) {
        MoeCase moe = MoeCase.of(fixture);
        GateCase gate = moe.gate();
        GateOperands operands = GateOperands.of(gate, bench);
        int tokens = gate.tokens();
        int experts = gate.rule().experts();
        int hidden = moe.hidden();
        List<FeedForward> networks = new ArrayList<>();
        for (int expert = 0; expert < experts; expert++) {
            networks.add(moe.layer().experts().apply(expert));
        }
        WeightFormat format = WeightFormat.rowMajor(bench.storage());
        int width = networks.getFirst().gate().rows();
        MoeLayer spec =
                MoeLayer.of(operands.spec(), width, format)
                        .withLimit(moe.layer().limit())
                        .withPosition(
                                moe.layer().position() == FeedForward.WeightPosition.BEFORE_DOWN
                                        ? MoeLayer.WeightPosition.BEFORE_DOWN
                                        : MoeLayer.WeightPosition.AFTER_DOWN);
        Tensor out = bench.unfilled(tokens, hidden);
        Tensor indices = bench.unfilled(DType.I32, tokens, gate.rule().topK());
        Tensor weights = bench.unfilled(DType.F32, tokens, gate.rule().topK());
        MoeLayer.Args args =
                MoeLayer.Args.of(
                                operands.x(),
                                operands.weight(),
                                stack(
                                        bench,
                                        networks,
                                        network -> network.gate().toArray(),
                                        width,
                                        hidden),
                                stack(
                                        bench,
                                        networks,
                                        network -> network.up().toArray(),
                                        width,
                                        hidden),
                                stack(
                                        bench,
                                        networks,
                                        network -> network.down().toArray(),
                                        hidden,
                                        width),
                                out)
                        .withGateBias(operands.bias())
                        .withHash(operands.tokenIds(), operands.table())
                        .withRouting(indices, weights)
                        .withActiveRows(bench.active(tokens));
        FeedForward shared = moe.layer().shared();
        if (shared != null) {
            int sharedWidth = shared.gate().rows();
            Tensor sharedGate = bench.weight(shared.gate().toArray(), sharedWidth, hidden);
            Tensor sharedUp = bench.weight(shared.up().toArray(), sharedWidth, hidden);
            Tensor sharedDown = bench.weight(shared.down().toArray(), hidden, sharedWidth);
            spec = spec.withShared(sharedWidth, format, format);
            args = args.withShared(sharedGate, sharedUp, sharedDown);
            Tensor sharedOut = bench.unfilled(tokens, hidden);
            bench.run(
                    spec.shared(),
                    SwiGluMlp.Args.of(operands.x(), sharedGate, sharedUp, sharedDown, sharedOut)
                            .withActiveRows(bench.active(tokens)));
            if (fixture.has("out.shared")) {
                found.close(
                        "out.shared", fixture.doubles("out.shared"), bench.read(sharedOut, tokens));
            }
        }
        bench.run(spec, args);
        Ties ties = Ties.of(fixture, tokens);
        ties.note(found);
        choice(fixture, bench, found, ties, indices, weights);
        found.close(
                "out.y", ties.clear(fixture.doubles("out.y")), ties.clear(bench.read(out, tokens)));
    }

    private static Tensor stack(
            Workbench bench,
            List<FeedForward> networks,
            Function<FeedForward, double[]> part,
            int rows,
            int columns) {
        Tensor all = bench.arena().tensor(bench.storage(), networks.size(), rows, columns);
        for (int i = 0; i < networks.size(); i++) {
            bench.write(all.get(i), part.apply(networks.get(i)));
        }
        return all;
    }

    /// Compares chosen experts as sets, each with its weight.
    private static void choice(
            Fixture fixture,
            Workbench bench,
            Comparison found,
            Ties ties,
            Tensor indices,
            Tensor weights) {
        int[] expected = fixture.ints("out.indices");
        int topK = fixture.dim("out.indices", -1);
        int tokens = ties.tokens();
        int experts = fixture.integer("n_routed_experts");
        double[] expectedSet = dense(expected, fixture.doubles("out.weights"), ties, topK, experts);
        double[] actualSet =
                dense(
                        bench.readInts(indices.slice(0, 0, tokens)),
                        bench.read(weights, tokens),
                        ties,
                        topK,
                        experts);
        found.exact(
                "out.indices",
                membership(ties.clear(expectedSet)),
                membership(ties.clear(actualSet)));
        found.close("out.weights", zeros(ties.clear(expectedSet)), zeros(ties.clear(actualSet)));
    }

    /// `[tokens, experts]` weights; NaN where an expert was not chosen, so that a weight of zero is
    /// still a choice.
    private static double[] dense(
            int[] indices, double[] weights, Ties ties, int topK, int experts) {
        double[] dense = new double[ties.tokens() * experts];
        Arrays.fill(dense, Double.NaN);
        for (int i = 0; i < ties.tokens() * topK; i++) {
            int expert = indices[i];
            if (ties.leavesOut(i / topK)) {
                continue;
            }
            if (expert < 0 || expert >= experts) {
                throw new IllegalArgumentException(
                        "out.indices holds "
                                + expert
                                + " for choice "
                                + i % topK
                                + " of token "
                                + i / topK
                                + ", there are "
                                + experts
                                + " experts");
            }
            dense[i / topK * experts + expert] = weights[i];
        }
        return dense;
    }

    private static double[] membership(double[] dense) {
        return Arrays.stream(dense).map(weight -> Double.isNaN(weight) ? 0 : 1).toArray();
    }

    private static double[] zeros(double[] dense) {
        return Arrays.stream(dense).map(weight -> Double.isNaN(weight) ? 0 : weight).toArray();
    }
}

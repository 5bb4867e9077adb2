package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.tck.oracle.Dispatch;
import dev.halcyon.tck.oracle.FeedForward;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Linear;
import dev.halcyon.tck.oracle.RouterBias;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.Rows;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/// What the specs of mixture-of-experts layers must write, by the oracle.
final class MoeReference {
    /// Tokens whose choice hangs on less than this, relative to the largest score, have no defined
    /// choice in F32.
    private static final double CLOSE_MARGIN = 1e-5;

    private MoeReference() {}

    /// A choice with the tokens whose choice is undefined.
    @SuppressWarnings("ArrayRecordComponent")
    private record Choice(Routing routing, double[] scores, BitSet unclear) {}

    private static Choice choose(MoeGate spec, Values in, String weightName, String biasName) {
        int live = in.live(in.tensor("x").dim(0));
        double[] x = Arrays.copyOf(in.of("x"), live * spec.hidden());
        Rows weight = Rows.of(in.of(weightName), spec.experts(), spec.hidden());
        GateRule rule = rule(spec);
        double[] scores = Gate.scores(Linear.apply(x, weight), rule);
        double[] bias = in.find(biasName);
        if (spec.isHashed()) {
            int[] ids = Arrays.copyOf(in.ints("tokenIds"), live);
            Routing routing = Gate.routeByHash(x, weight, ids, in.ints("expertTable"), rule);
            return new Choice(routing, scores, new BitSet());
        }
        return new Choice(
                Gate.choose(scores, bias, rule), scores, unclear(scores, bias, rule, live));
    }

    private static BitSet unclear(
            double[] scores, double @Nullable [] bias, GateRule rule, int tokens) {
        BitSet unclear = new BitSet();
        double largest = Arrays.stream(scores).map(Math::abs).max().orElse(0);
        if (bias != null) {
            largest += Arrays.stream(bias).map(Math::abs).max().orElse(0);
        }
        for (int t = 0; t < tokens; t++) {
            double[] row = Arrays.copyOfRange(scores, t * rule.experts(), (t + 1) * rule.experts());
            double margin =
                    Math.min(Gate.expertMargin(row, bias, rule), Gate.groupMargin(row, bias, rule));
            // A margin of exactly zero is a tie, which the contract decides.
            unclear.set(t, margin != 0 && margin <= CLOSE_MARGIN * largest);
        }
        return unclear;
    }

    static GateRule rule(MoeGate spec) {
        GateRule.Score score =
                switch (spec.score()) {
                    case SIGMOID -> GateRule.Score.SIGMOID;
                    case SOFTMAX -> GateRule.Score.SOFTMAX;
                    case SQRT_SOFTPLUS -> GateRule.Score.SQRT_SOFTPLUS;
                };
        GateRule.GroupScore groupScore =
                spec.groupScore() == MoeGate.GroupScore.TOP2_SUM
                        ? GateRule.GroupScore.TOP2_SUM
                        : GateRule.GroupScore.MAX;
        return new GateRule(
                spec.experts(),
                spec.topK(),
                score,
                spec.groups(),
                spec.keptGroups(),
                groupScore,
                spec.normalise(),
                spec.scale());
    }

    static Map<String, Expected> of(MoeGate spec, Values in) {
        Choice choice = choose(spec, in, "weight", "bias");
        int tokens = in.tensor("x").dim(0);
        Map<String, Expected> expected = new LinkedHashMap<>(routing(choice, tokens, spec.topK()));
        if (in.has("scores")) {
            int live = choice.routing().tokens();
            expected.put("scores", Expected.ofRows(choice.scores(), tokens, live, spec.experts()));
        }
        return expected;
    }

    /// Dead tokens have index -1 and weight 0; that is specified.
    private static Map<String, Expected> routing(Choice choice, int tokens, int topK) {
        int[] indices = Arrays.copyOf(choice.routing().indices(), tokens * topK);
        Arrays.fill(indices, choice.routing().indices().length, indices.length, -1);
        double[] weights = Arrays.copyOf(choice.routing().weights(), tokens * topK);
        return Map.of(
                "indices", Expected.of(indices).except(choice.unclear(), topK),
                "weights", Expected.of(weights).except(choice.unclear(), topK));
    }

    static Map<String, Expected> of(MoeLayer spec, Values in) {
        Choice choice = choose(spec.gate(), in, "gateWeight", "gateBias");
        int tokens = in.tensor("x").dim(0);
        int live = choice.routing().tokens();
        int hidden = spec.gate().hidden();
        int width = spec.expertDim();
        FeedForward.WeightPosition position =
                spec.position() == MoeLayer.WeightPosition.BEFORE_DOWN
                        ? FeedForward.WeightPosition.BEFORE_DOWN
                        : FeedForward.WeightPosition.AFTER_DOWN;
        Rows gate = Rows.of(in.of("gateProj"), spec.localExperts() * width, hidden);
        Rows up = Rows.of(in.of("upProj"), spec.localExperts() * width, hidden);
        Rows down = Rows.of(in.of("downProj"), spec.localExperts() * hidden, width);
        FeedForward shared =
                spec.hasShared()
                        ? new FeedForward(
                                Rows.of(in.of("sharedGate"), spec.sharedDim(), hidden),
                                Rows.of(in.of("sharedUp"), spec.sharedDim(), hidden),
                                Rows.of(in.of("sharedDown"), hidden, spec.sharedDim()))
                        : null;
        var layer =
                new dev.halcyon.tck.oracle.MoeLayer(
                        expert -> {
                            int local = expert - spec.firstExpert();
                            return new FeedForward(
                                    gate.slice(local * width, width),
                                    up.slice(local * width, width),
                                    down.slice(local * hidden, hidden));
                        },
                        spec.firstExpert(),
                        spec.localExperts(),
                        shared,
                        spec.limit(),
                        position);
        double[] y =
                layer.apply(Arrays.copyOf(in.of("x"), live * hidden), choice.routing(), hidden);
        Map<String, Expected> expected = new LinkedHashMap<>();
        expected.put(
                "out", Expected.ofRows(y, tokens, live, hidden).except(choice.unclear(), hidden));
        routing(choice, tokens, spec.gate().topK())
                .forEach(
                        (name, values) -> {
                            if (in.has(name)) {
                                expected.put(name, values);
                            }
                        });
        return expected;
    }

    static Map<String, Expected> of(SwiGluMlp spec, Values in) {
        int rows = in.tensor("x").dim(0);
        FeedForward network =
                new FeedForward(
                        Rows.of(in.of("gate"), spec.dim(), spec.hidden()),
                        Rows.of(in.of("up"), spec.dim(), spec.hidden()),
                        Rows.of(in.of("down"), spec.hidden(), spec.dim()));
        double[] y = network.apply(in.of("x"), spec.limit());
        return Map.of("out", Expected.ofRows(y, rows, in.live(rows), spec.hidden()));
    }

    static Map<String, Expected> of(MoeDispatch spec, Values in) {
        int tokens = in.tensor("indices").dim(0);
        int[] indices = in.ints("indices");
        Arrays.fill(indices, in.live(tokens) * spec.topK(), indices.length, -1);
        Dispatch dispatch =
                Dispatch.of(
                        indices,
                        spec.topK(),
                        spec.firstExpert(),
                        spec.localExperts(),
                        spec.alignment());
        int rows = in.tensor("rowToken").dim(0);
        return Map.of(
                "segmentStart", Expected.of(dispatch.segmentStart()),
                "segmentCount", Expected.of(dispatch.counts()),
                "rowToken", Expected.of(padded(dispatch.posToToken(), rows)),
                "rowSlot", Expected.of(padded(dispatch.posToTokenTopk(), rows)),
                "tokenRow", Expected.of(dispatch.tokenTopkToPos()));
    }

    private static int[] padded(int[] values, int length) {
        int[] all = Arrays.copyOf(values, length);
        Arrays.fill(all, Math.min(values.length, length), length, -1);
        return all;
    }

    static Map<String, Expected> of(MoeCombine spec, Values in) {
        int tokens = in.tensor("tokenRow").dim(0);
        int live = in.live(tokens);
        int[] rows = in.ints("tokenRow");
        int available = in.tensor("rows").dim(0);
        double[] values = in.of("rows");
        double[] weights = in.find("weights");
        double[] addend = in.find("addend");
        double[] out = new double[tokens * spec.dim()];
        for (int t = 0; t < live; t++) {
            boolean bad = false;
            for (int k = 0; k < spec.topK(); k++) {
                int row = rows[t * spec.topK() + k];
                bad |= row < -1 || row >= available;
                for (int c = 0; row >= 0 && row < available && c < spec.dim(); c++) {
                    double weight = weights == null ? 1 : weights[t * spec.topK() + k];
                    out[t * spec.dim() + c] += weight * values[row * spec.dim() + c];
                }
            }
            for (int c = 0; c < spec.dim(); c++) {
                int at = t * spec.dim() + c;
                out[at] = bad ? 0 : out[at] + (addend == null ? 0 : addend[at]);
            }
        }
        return Map.of("out", Expected.ofRows(out, tokens, live, spec.dim()));
    }

    static Map<String, Expected> of(RouterBiasUpdate spec, Values in) {
        long[] loads = Arrays.stream(in.ints("load")).asLongStream().toArray();
        return Map.of("bias", Expected.of(RouterBias.update(in.of("bias"), loads, spec.rate())));
    }

    static Map<String, Expected> of(ExpertLoad spec, Values in) {
        int[] indices = in.ints("indices");
        int live = in.live(in.tensor("indices").dim(0)) * spec.topK();
        int[] load = spec.add() ? in.ints("load") : new int[spec.experts()];
        for (int i = 0; i < live; i++) {
            if (indices[i] >= 0 && indices[i] < spec.experts()) {
                load[indices[i]]++;
            }
        }
        return Map.of("load", Expected.of(load));
    }

    static Map<String, Expected> of(BalanceLoss spec, Values in) {
        double loss =
                dev.halcyon.tck.oracle.BalanceLoss.mean(
                        in.of("scores"),
                        in.ints("indices"),
                        in.ints("sequenceStart"),
                        spec.experts(),
                        spec.topK(),
                        spec.alpha());
        return Map.of("loss", Expected.of(new double[] {loss}));
    }
}

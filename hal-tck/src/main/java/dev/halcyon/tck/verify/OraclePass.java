package dev.halcyon.tck.verify;

import dev.halcyon.tck.oracle.Axpby;
import dev.halcyon.tck.oracle.DecoderLayer;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.LatentCache;
import dev.halcyon.tck.oracle.Linear;
import dev.halcyon.tck.oracle.MlaLayer;
import dev.halcyon.tck.oracle.Mlp;
import dev.halcyon.tck.oracle.RmsNorm;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/// What the oracle's decoder layer makes of some tokens, and how well defined each of them is.
///
/// Inside a layer a case says nothing of margins. But a router that sees rounded hidden states may
/// choose otherwise than the reference where two experts are close, and rightly so: such a token
/// has no defined result at that precision.
///
/// @param out `[tokens, hidden]`
/// @param margins distance of the last chosen expert or group from the first rejected one, relative
///   to the largest biased score of the token; infinite where there is no choice
/// @param doubts what the token's attention is off by, in units of the roundoff; see [SoftmaxDoubt]
@SuppressWarnings("ArrayRecordComponent")
record OraclePass(double[] out, double[] margins, double[] doubts) {
    static OraclePass of(
            DecoderLayer layer,
            double[] x,
            int[] positions,
            LatentCache cache,
            MlaLayer.Form form) {
        int hidden = layer.attentionNorm().length;
        double[] normed = RmsNorm.forward(x, hidden, layer.attentionNorm(), layer.normEps());
        double[] h =
                Axpby.apply(1, x, 1, layer.attention().forward(normed, positions, cache, form).y());
        double[] input = RmsNorm.forward(h, hidden, layer.mlpNorm(), layer.normEps());
        double[] out = Axpby.apply(1, h, 1, layer.mlp().apply(input, hidden));
        double[] margins = new double[positions.length];
        Arrays.fill(margins, Double.POSITIVE_INFINITY);
        if (layer.mlp() instanceof Mlp.Experts experts) {
            double[] scores = Gate.scores(Linear.apply(input, experts.gate()), experts.rule());
            for (int t = 0; t < margins.length; t++) {
                margins[t] = margin(scores, t, experts.bias(), experts.rule());
            }
        }
        return new OraclePass(
                out, margins, SoftmaxDoubt.of(layer.attention(), normed, positions, cache));
    }

    private static double margin(
            double[] scores, int token, double @Nullable [] bias, GateRule rule) {
        double[] row =
                Arrays.copyOfRange(scores, token * rule.experts(), (token + 1) * rule.experts());
        double largest = 0;
        for (int e = 0; e < row.length; e++) {
            largest = Math.max(largest, Math.abs(row[e] + (bias == null ? 0 : bias[e])));
        }
        double margin =
                Math.min(Gate.expertMargin(row, bias, rule), Gate.groupMargin(row, bias, rule));
        return largest == 0 ? 0 : margin / largest;
    }
}

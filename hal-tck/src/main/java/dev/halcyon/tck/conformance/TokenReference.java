package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.tck.oracle.Sampling;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;

/// What a choice of tokens must write, by the oracle.
final class TokenReference {
    /// A draw that lands this near to the border of two tokens has no defined result in F32.
    private static final double CLOSE_MARGIN = 1e-4;

    private TokenReference() {}

    static Map<String, Expected> of(Sample spec, Values in) {
        int rows = in.tensor("logits").dim(0);
        int live = in.live(rows);
        double[] logits = in.of("logits");
        double[] ids = new double[rows];
        BitSet unclear = new BitSet();
        for (int r = 0; r < live; r++) {
            double[] row = Arrays.copyOfRange(logits, r * spec.vocab(), (r + 1) * spec.vocab());
            if (!spec.random()) {
                ids[r] = Sampling.greedy(row);
                continue;
            }
            double temperature = entry(in, "temperature", r, 1);
            double[] probabilities =
                    Sampling.distribution(
                            row,
                            temperature,
                            (int) entry(in, "topK", r, 0),
                            entry(in, "topP", r, 1));
            double uniform = Sampling.uniform((long) in.of("seed")[r], in.ints("position")[r]);
            ids[r] = Sampling.draw(probabilities, uniform);
            unclear.set(r, Sampling.margin(probabilities, uniform) < CLOSE_MARGIN);
        }
        return Map.of("ids", Expected.ofRows(ids, rows, live, 1).except(unclear, 1));
    }

    private static double entry(Values in, String name, int row, double absent) {
        double[] values = in.find(name);
        return values == null ? absent : values[row];
    }
}

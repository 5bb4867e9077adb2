package dev.halcyon.tck.oracle;

import java.util.Comparator;
import java.util.stream.IntStream;

/// The order of every selection: score descending, index ascending, NaN last.
///
/// Source: TileKernels, `torch/topk.py`, which documents that the smaller index wins a tie. Library
/// top-k functions leave ties open; a contract cannot.
public final class Ranking {
    private Ranking() {}

    /// All indices of `scores[offset .. offset + length - 1]`, relative to `offset`, best first.
    public static int[] order(double[] scores, int offset, int length) {
        // Double.compare puts NaN above everything, so NaN is sorted out by a key of its own; and
        // it tells -0.0 from 0.0, which are
        // one score here, so zero is added.
        Comparator<Integer> bestFirst =
                Comparator.<Integer, Boolean>comparing(i -> Double.isNaN(scores[offset + i]))
                        .thenComparing(
                                (a, b) ->
                                        Double.compare(
                                                scores[offset + b] + 0.0, scores[offset + a] + 0.0))
                        .thenComparing(Comparator.naturalOrder());
        return IntStream.range(0, length)
                .boxed()
                .sorted(bestFirst)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /// The index of the best score, -1 of nothing.
    public static int best(double[] scores, int offset, int length) {
        int best = -1;
        for (int i = 0; i < length; i++) {
            double score = scores[offset + i];
            if (best < 0
                    || score > scores[offset + best]
                    || (Double.isNaN(scores[offset + best]) && !Double.isNaN(score))) {
                best = i;
            }
        }
        return best;
    }
}

package dev.halcyon.tck.oracle;

import java.util.List;

/// The merge of attention results over disjoint sets of keys: split-KV decode and chunked prefill.
///
/// `L = log Σ exp(l_i)`, `o = Σ exp(l_i - L) o_i`; the sink enters once, at the end. A piece
/// without keys is recognised by an infinite log-sum-exp of either sign and adds nothing. Source:
/// FlashMLA, the combine kernel.
public final class SplitCombine {
    private SplitCombine() {}

    /// Merges pieces that were computed without a sink.
    ///
    /// @param pieces results of the same query over disjoint key sets, in any number
    /// @param width columns of each output
    public static Attention.Head merge(List<Attention.Head> pieces, int width, double sink) {
        double[] live =
                pieces.stream()
                        .mapToDouble(Attention.Head::logSumExp)
                        .filter(lse -> !Double.isInfinite(lse))
                        .toArray();
        double[] output = new double[width];
        double maxLogit = Double.NEGATIVE_INFINITY;
        for (Attention.Head piece : pieces) {
            maxLogit = Math.max(maxLogit, piece.maxLogit());
        }
        if (live.length == 0) {
            return new Attention.Head(output, Double.POSITIVE_INFINITY, maxLogit);
        }
        double total = Softmax.logSumExp(live, 0, live.length);
        double kept = 1 / (1 + Math.exp(sink - total));
        for (Attention.Head piece : pieces) {
            if (!Double.isInfinite(piece.logSumExp())) {
                double weight = Math.exp(piece.logSumExp() - total) * kept;
                for (int c = 0; c < width; c++) {
                    output[c] += weight * piece.output()[c];
                }
            }
        }
        return new Attention.Head(output, total, maxLogit);
    }
}

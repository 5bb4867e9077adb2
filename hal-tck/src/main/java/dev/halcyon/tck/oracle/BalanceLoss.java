package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// The sequence-wise balance loss, `L = alpha Σ_e f_e P_e` for each sequence.
///
/// `f_e = E / (K T) * #{t : e chosen}` is a constant for the gradient, and `P_e` is the mean over
/// the sequence of the score's share `s[t,e] / Σ_e s[t,e]`. Source: DeepSeek-V3 technical report,
/// "Complementary Sequence-Wise Auxiliary Loss"; TileKernels, `aux_fi`.
public final class BalanceLoss {
    private BalanceLoss() {}

    /// The loss of one sequence, 0 for an empty one.
    ///
    /// @param scores `[T, experts]` unbiased scores
    /// @param indices `[T, topK]` chosen experts; -1 counts for none
    public static double forward(
            double[] scores, int[] indices, int experts, int topK, double alpha) {
        int tokens = Shapes.quotient("scores", scores.length, experts);
        double[] f = frequencies(indices, tokens, experts, topK);
        double loss = 0;
        for (int t = 0; t < tokens; t++) {
            double sum = rowSum(scores, t, experts);
            for (int e = 0; e < experts; e++) {
                loss += alpha * f[e] * scores[t * experts + e] / sum / tokens;
            }
        }
        return loss;
    }

    /// The mean loss of the sequences that have tokens, 0 if none has.
    ///
    /// @param sequenceStart `[sequences + 1]` first token of each sequence and the end of the last
    public static double mean(
            double[] scores,
            int[] indices,
            int[] sequenceStart,
            int experts,
            int topK,
            double alpha) {
        double sum = 0;
        int counted = 0;
        for (int s = 0; s + 1 < sequenceStart.length; s++) {
            int from = sequenceStart[s];
            int to = sequenceStart[s + 1];
            if (to > from) {
                double[] some = Arrays.copyOfRange(scores, from * experts, to * experts);
                int[] chosen = Arrays.copyOfRange(indices, from * topK, to * topK);
                sum += forward(some, chosen, experts, topK, alpha);
                counted++;
            }
        }
        return counted == 0 ? 0 : sum / counted;
    }

    /// The gradient of one sequence's loss with respect to its scores: with `n = s / Σ s` and
    /// `dn[t,e] = alpha f_e / T`, `ds[t,e] = (dn[t,e] - Σ_j dn[t,j] n[t,j]) / Σ s`.
    ///
    /// @return `[T, experts]`
    public static double[] backward(
            double[] scores, int[] indices, int experts, int topK, double alpha) {
        int tokens = Shapes.quotient("scores", scores.length, experts);
        double[] f = frequencies(indices, tokens, experts, topK);
        double[] ds = new double[scores.length];
        for (int t = 0; t < tokens; t++) {
            double sum = rowSum(scores, t, experts);
            double mean = Dot.of(f, 0, scores, t * experts, experts) * alpha / tokens / sum;
            for (int e = 0; e < experts; e++) {
                ds[t * experts + e] = (alpha * f[e] / tokens - mean) / sum;
            }
        }
        return ds;
    }

    private static double[] frequencies(int[] indices, int tokens, int experts, int topK) {
        Shapes.require("indices", indices.length, tokens, topK);
        double[] f = new double[experts];
        for (int index : indices) {
            if (index >= 0) {
                f[index] += (double) experts / ((double) topK * tokens);
            }
        }
        return f;
    }

    private static double rowSum(double[] scores, int row, int width) {
        double sum = 0;
        for (int i = 0; i < width; i++) {
            sum += scores[row * width + i];
        }
        return sum;
    }
}

package dev.halcyon.tck.oracle;

/// The loss of predicting given tokens: `logSumExp(logits) - logits[target]`, natural logarithm.
///
/// A row whose target is outside the vocabulary is ignored, -1 being the usual way to say so: loss
/// 0, gradient 0.
public final class CrossEntropy {
    private CrossEntropy() {}

    /// One loss per row; the caller sums or averages.
    ///
    /// @param logits `[rows, vocabulary]`
    /// @param targets `[rows]`
    public static double[] forward(double[] logits, int[] targets, int vocabulary) {
        Shapes.require("logits", logits.length, targets.length, vocabulary);
        double[] loss = new double[targets.length];
        for (int row = 0; row < targets.length; row++) {
            if (counts(targets[row], vocabulary)) {
                int at = row * vocabulary;
                loss[row] = Softmax.logSumExp(logits, at, vocabulary) - logits[at + targets[row]];
            }
        }
        return loss;
    }

    /// The log-sum-exp of every row, which a backward pass needs.
    public static double[] logSumExps(double[] logits, int rows, int vocabulary) {
        Shapes.require("logits", logits.length, rows, vocabulary);
        double[] result = new double[rows];
        for (int row = 0; row < rows; row++) {
            result[row] = Softmax.logSumExp(logits, row * vocabulary, vocabulary);
        }
        return result;
    }

    /// `dLogits = dLoss[row] (softmax(logits) - onehot(target))`.
    ///
    /// @param dLoss `[rows]`, the weight of each row's loss, for instance `1 / counted rows`
    public static double[] backward(
            double[] logits, int[] targets, double[] dLoss, int vocabulary) {
        Shapes.require("logits", logits.length, targets.length, vocabulary);
        Shapes.require("dLoss", dLoss.length, targets.length);
        double[] dLogits = new double[logits.length];
        for (int row = 0; row < targets.length; row++) {
            if (!counts(targets[row], vocabulary)) {
                continue;
            }
            int at = row * vocabulary;
            Softmax.apply(logits, at, vocabulary, dLogits);
            dLogits[at + targets[row]] -= 1;
            for (int v = 0; v < vocabulary; v++) {
                dLogits[at + v] *= dLoss[row];
            }
        }
        return dLogits;
    }

    private static boolean counts(int target, int vocabulary) {
        return target >= 0 && target < vocabulary;
    }
}

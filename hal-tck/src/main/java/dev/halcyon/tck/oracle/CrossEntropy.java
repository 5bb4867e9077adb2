package dev.halcyon.tck.oracle;

/// The loss of predicting given tokens: `logSumExp(logits) - logits[target]`, natural logarithm.
///
/// A row whose target is negative is ignored: loss 0, gradient 0.
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
            if (targets[row] >= 0) {
                int at = row * vocabulary;
                loss[row] = Softmax.logSumExp(logits, at, vocabulary) - logits[at + requireTarget(targets[row], vocabulary)];
            }
        }
        return loss;
    }

    /// `dLogits = dLoss[row] (softmax(logits) - onehot(target))`.
    ///
    /// @param dLoss `[rows]`, the weight of each row's loss, for instance `1 / counted rows`
    public static double[] backward(double[] logits, int[] targets, double[] dLoss, int vocabulary) {
        Shapes.require("logits", logits.length, targets.length, vocabulary);
        Shapes.require("dLoss", dLoss.length, targets.length);
        double[] dLogits = new double[logits.length];
        for (int row = 0; row < targets.length; row++) {
            if (targets[row] < 0) {
                continue;
            }
            int at = row * vocabulary;
            Softmax.apply(logits, at, vocabulary, dLogits);
            dLogits[at + requireTarget(targets[row], vocabulary)] -= 1;
            for (int v = 0; v < vocabulary; v++) {
                dLogits[at + v] *= dLoss[row];
            }
        }
        return dLogits;
    }

    private static int requireTarget(int target, int vocabulary) {
        if (target >= vocabulary) {
            throw new IllegalArgumentException("target " + target + " is not in a vocabulary of " + vocabulary);
        }
        return target;
    }
}

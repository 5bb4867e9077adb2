package dev.halcyon.backend.cpu.kernels;

import java.util.Arrays;
import java.util.function.IntPredicate;

/// Softmax attention in double, as one would write it down.
final class PlainAttention {
    private PlainAttention() {}

    /// What one query of one head yields.
    @SuppressWarnings("ArrayRecordComponent")
    record Result(double[] output, double logSumExp, double maxLogit) {}

    /// Attends to the keys that `sees` holds for.
    ///
    /// @param values the first `valueDim` numbers of each are used
    /// @param sink minus infinity for none
    static Result attend(
            double[] query,
            double[][] keys,
            double[][] values,
            int valueDim,
            IntPredicate sees,
            double scale,
            double sink) {
        double[] logits = new double[keys.length];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < keys.length; j++) {
            logits[j] = Double.NEGATIVE_INFINITY;
            if (sees.test(j)) {
                double dot = 0;
                for (int k = 0; k < query.length; k++) {
                    dot += query[k] * keys[j][k];
                }
                logits[j] = scale * dot;
                max = Math.max(max, logits[j]);
            }
        }
        double[] output = new double[valueDim];
        if (max == Double.NEGATIVE_INFINITY) {
            return new Result(output, Double.POSITIVE_INFINITY, max);
        }
        double total = 0;
        for (double logit : logits) {
            total += Math.exp(logit - max);
        }
        double logSumExp = max + Math.log(total);
        double kept = 1 / (1 + Math.exp(sink - logSumExp));
        for (int j = 0; j < keys.length; j++) {
            double weight = Math.exp(logits[j] - logSumExp) * kept;
            for (int d = 0; weight > 0 && d < valueDim; d++) {
                output[d] += weight * values[j][d];
            }
        }
        return new Result(output, logSumExp, max);
    }

    /// {@return rows of a row-major matrix}
    static double[][] rows(double[] matrix, int columns) {
        double[][] rows = new double[matrix.length / columns][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = Arrays.copyOfRange(matrix, row * columns, (row + 1) * columns);
        }
        return rows;
    }
}

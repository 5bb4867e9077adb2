package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// Softmax attention of one query of one head over a list of keys and values: the core of the naive
/// and the absorbed form alike.
///
/// The logarithm of the sum is natural and leaves the sink out. A query without a key has output 0,
/// log-sum-exp positive infinity and maximum logit negative infinity. Source: FlashMLA, README and
/// tests/ref.py.
public final class Attention {
    /// The sink that changes nothing.
    public static final double NO_SINK = Double.NEGATIVE_INFINITY;

    private Attention() {}

    /// What one query of one head yields.
    ///
    /// @param output `[value columns]`
    /// @param logSumExp natural log of `Σ exp(logit)` without the sink
    /// @param maxLogit the largest logit, scale included
    @SuppressWarnings("ArrayRecordComponent")
    public record Head(double[] output, double logSumExp, double maxLogit) {}

    /// Gradients of one query of one head.
    ///
    /// @param dQuery `[key columns]`
    /// @param dKeys `[keys, key columns]`
    /// @param dValues `[keys, value columns]`
    /// @param dSink gradient of the sink logit
    @SuppressWarnings("ArrayRecordComponent")
    public record Gradient(double[] dQuery, double[] dKeys, double[] dValues, double dSink) {}

    /// ```
    /// z_j = scale <query, key_j>     p = softmax(z)
    /// o = Σ p_j value_j / (1 + exp(sink - logSumExp))
    /// ```
    ///
    /// @param query `[keys.columns()]` starting at `offset`
    /// @param keys one row per key
    /// @param values one row per key; may have fewer columns than its rows hold, see [#leading]
    /// @param visible how many of the first keys the query sees
    /// @param sink logit of a key without a value, [#NO_SINK] for none
    public static Head attend(
            double[] query,
            int offset,
            Rows keys,
            Rows values,
            int visible,
            double scale,
            double sink) {
        double[] output = new double[values.columns()];
        if (visible <= 0) {
            return new Head(output, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY);
        }
        double[] p = logits(query, offset, keys, visible, scale);
        double max = Arrays.stream(p).max().orElseThrow();
        double logSumExp = Softmax.logSumExp(p, 0, visible);
        double[] value = new double[values.columns()];
        for (int j = 0; j < visible; j++) {
            double weight = Math.exp(p[j] - logSumExp);
            values.read(j, value);
            for (int c = 0; c < output.length; c++) {
                output[c] += weight * value[c];
            }
        }
        double kept = 1 / (1 + Math.exp(sink - logSumExp));
        for (int c = 0; c < output.length; c++) {
            output[c] *= kept;
        }
        return new Head(output, logSumExp, max);
    }

    /// The gradient of [#attend], with l the log-sum-exp of all logits and the sink:
    ///
    /// ```
    /// P = exp(z - l)        D = <dO, O>          dV = P dO
    /// dZ = P (dO V - D)     dQ = scale Σ dZ K    dK = scale dZ Q
    /// dsink = -exp(sink - l) D
    /// ```
    public static Gradient backward(
            double[] dOutput,
            double[] query,
            int offset,
            Rows keys,
            Rows values,
            int visible,
            double scale,
            double sink) {
        int keyWidth = keys.columns();
        int valueWidth = values.columns();
        double[] dQuery = new double[keyWidth];
        double[] dKeys = new double[visible * keyWidth];
        double[] dValues = new double[visible * valueWidth];
        if (visible <= 0) {
            return new Gradient(dQuery, dKeys, dValues, 0);
        }
        double[] z = logits(query, offset, keys, visible, scale);
        double logSumExp = Softmax.logSumExp(z, 0, visible);
        double total = Softmax.logSumExp(new double[] {logSumExp, sink}, 0, 2);
        double d =
                Dot.of(
                        dOutput,
                        0,
                        attend(query, offset, keys, values, visible, scale, sink).output(),
                        0,
                        valueWidth);
        double[] key = new double[keyWidth];
        double[] value = new double[valueWidth];
        for (int j = 0; j < visible; j++) {
            keys.read(j, key);
            values.read(j, value);
            double p = Math.exp(z[j] - total);
            double dz = p * (Dot.of(dOutput, 0, value, 0, valueWidth) - d);
            for (int c = 0; c < valueWidth; c++) {
                dValues[j * valueWidth + c] = p * dOutput[c];
            }
            for (int c = 0; c < keyWidth; c++) {
                dQuery[c] += scale * dz * key[c];
                dKeys[j * keyWidth + c] = scale * dz * query[offset + c];
            }
        }
        return new Gradient(dQuery, dKeys, dValues, -Math.exp(sink - total) * d);
    }

    /// The first `columns` columns of every row: the values of absorbed MLA, which are a part of
    /// its keys.
    public static Rows leading(Rows rows, int columns) {
        return new LeadingColumns(rows, columns);
    }

    private static double[] logits(
            double[] query, int offset, Rows keys, int visible, double scale) {
        double[] z = new double[visible];
        double[] key = new double[keys.columns()];
        for (int j = 0; j < visible; j++) {
            keys.read(j, key);
            z[j] = scale * Dot.of(query, offset, key, 0, key.length);
        }
        return z;
    }

    private static final class LeadingColumns implements Rows {
        private final Rows whole;
        private final int columns;
        private final double[] row;

        LeadingColumns(Rows whole, int columns) {
            if (columns > whole.columns()) {
                throw new IllegalArgumentException(
                        "rows of " + whole.columns() + " columns have no first " + columns);
            }
            this.whole = whole;
            this.columns = columns;
            this.row = new double[whole.columns()];
        }

        @Override
        public int rows() {
            return whole.rows();
        }

        @Override
        public int columns() {
            return columns;
        }

        @Override
        public void read(int index, double[] into) {
            whole.read(index, row);
            System.arraycopy(row, 0, into, 0, columns);
        }
    }
}

package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/// A prefill over ragged sequences whose keys and values are slices of one up-projection, with NaN
/// in every row that belongs to no sequence.
final class PrefillBench {
    final RowBench bench;
    final MlaPrefill spec;
    final int[] queryStart;
    final int[] keyStart;
    final Tensor query;
    final Tensor key;
    final Tensor ropeKey;
    final Tensor value;
    final @Nullable Tensor sink;
    final Tensor out;
    final Tensor logSumExp;
    final Tensor maxLogit;

    /// Draws the operands.
    ///
    /// @param gap rows of no sequence in front of the first one and behind the last
    PrefillBench(
            RowBench bench,
            MlaPrefill spec,
            double spread,
            int gap,
            int[] queryCounts,
            int[] keyCounts) {
        this.bench = bench;
        this.spec = spec;
        queryStart = starts(queryCounts, gap);
        keyStart = starts(keyCounts, gap);
        int tokens = queryStart[queryCounts.length] + gap;
        int keys = keyStart[keyCounts.length] + gap;
        int heads = spec.heads();
        query = bench.empty(spec.in(), tokens, heads, spec.nopeDim() + spec.ropeDim());
        Tensor projected =
                bench.empty(spec.in(), keys, heads, spec.nopeDim() + spec.valueDim() + 3);
        key = projected.slice(2, 0, spec.nopeDim());
        value = projected.slice(2, spec.nopeDim(), spec.nopeDim() + spec.valueDim());
        ropeKey = bench.empty(spec.in(), keys, spec.ropeDim());
        draw(query, gap, spread);
        draw(key, gap, 1);
        draw(value, gap, 1);
        if (spec.ropeDim() > 0) {
            draw(ropeKey, gap, 1);
        }
        sink = spec.sink() ? bench.normal(DType.F32, heads) : null;
        out = bench.empty(spec.out(), tokens, heads, spec.valueDim());
        logSumExp = bench.empty(DType.F32, tokens, heads);
        maxLogit = bench.empty(DType.F32, heads);
    }

    private static int[] starts(int[] counts, int gap) {
        int[] starts = new int[counts.length + 1];
        starts[0] = gap;
        for (int i = 0; i < counts.length; i++) {
            starts[i + 1] = starts[i] + counts[i];
        }
        return starts;
    }

    private void draw(Tensor tensor, int gap, double spread) {
        bench.set(
                tensor.slice(0, gap, tensor.dim(0) - gap),
                number -> spread * bench.random().nextGaussian());
    }

    MlaPrefill.Args args() {
        return MlaPrefill.Args.of(
                        query,
                        key,
                        ropeKey,
                        value,
                        bench.ints(queryStart),
                        bench.ints(keyStart),
                        out)
                .withSink(sink)
                .withLogSumExp(logSumExp)
                .withMaxLogit(maxLogit);
    }

    /// Runs the prefill and compares it with F64.
    void check() {
        bench.run(spec, args());
        compare();
    }

    /// Compares what is there with F64.
    void compare() {
        int heads = spec.heads();
        double[] largest = new double[heads];
        Arrays.fill(largest, Double.NEGATIVE_INFINITY);
        double[] sinks = sink == null ? new double[0] : bench.read(sink);
        // A kernel may round weights to the type of the result.
        double rounding = spec.out() == DType.F32 ? 0 : 2 * RowBench.tolerance(spec.out());
        for (int sequence = 0; sequence + 1 < queryStart.length; sequence++) {
            int queries = queryStart[sequence + 1] - queryStart[sequence];
            int keys = keyStart[sequence + 1] - keyStart[sequence];
            double[] outputs = new double[queries * heads * spec.valueDim()];
            double[] sums = new double[queries * heads];
            for (int head = 0; head < heads; head++) {
                double[][] rows = keys(sequence, head);
                double[][] values = rows(value, keyStart, sequence, head);
                double[][] asked = rows(query, queryStart, sequence, head);
                for (int i = 0; i < queries; i++) {
                    int last = spec.causal() ? i + keys - queries : keys;
                    PlainAttention.Result result =
                            PlainAttention.attend(
                                    asked[i],
                                    rows,
                                    values,
                                    spec.valueDim(),
                                    row -> row <= last,
                                    spec.softmaxScale(),
                                    sink == null ? Double.NEGATIVE_INFINITY : sinks[head]);
                    int at = i * heads + head;
                    System.arraycopy(
                            result.output(), 0, outputs, at * spec.valueDim(), spec.valueDim());
                    sums[at] = result.logSumExp();
                    largest[head] = Math.max(largest[head], result.maxLogit());
                }
            }
            long from = queryStart[sequence];
            bench.assertClose(
                    outputs, out.slice(0, from, from + queries), DecodeBench.TOLERANCE + rounding);
            bench.assertClose(sums, logSumExp.slice(0, from, from + queries), 2e-6);
        }
        bench.assertClose(largest, maxLogit, 2e-6);
    }

    private double[][] rows(Tensor tensor, int[] starts, int sequence, int head) {
        Tensor part =
                tensor.slice(0, starts[sequence], starts[sequence + 1]).slice(1, head, head + 1);
        return PlainAttention.rows(bench.read(part), (int) tensor.dim(2));
    }

    private double[][] keys(int sequence, int head) {
        double[][] rows = rows(key, keyStart, sequence, head);
        if (spec.ropeDim() == 0) {
            return rows;
        }
        double[] rope = bench.read(ropeKey.slice(0, keyStart[sequence], keyStart[sequence + 1]));
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arrays.copyOf(rows[i], spec.nopeDim() + spec.ropeDim());
            System.arraycopy(rope, i * spec.ropeDim(), rows[i], spec.nopeDim(), spec.ropeDim());
        }
        return rows;
    }
}

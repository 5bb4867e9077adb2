package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/// A decode step over sequences of given lengths, with everything around them hostile: shuffled
/// pages, NaN in every row that no sequence owns, garbage in the unused entries of block tables.
final class DecodeBench {
    /// Relative to the largest magnitude, against F64.
    static final double TOLERANCE = 2e-5;

    final RowBench bench;
    final MlaDecode spec;
    final int[] lengths;
    final CachePool pool;
    final int[] table;
    final Tensor query;
    final @Nullable Tensor sink;
    final Tensor out;
    final Tensor logSumExp;
    final Tensor maxLogit;

    /// The cache rows of each sequence, as the cache's type rounds them.
    final double[][][] rows;

    /// Draws queries and rows.
    ///
    /// @param spread standard deviation of the queries: larger ones make larger logits
    DecodeBench(RowBench bench, MlaDecode spec, double spread, int... lengths) {
        this.bench = bench;
        this.spec = spec;
        this.lengths = lengths;
        CacheFormat format = spec.cache();
        int perPage = format.rowsPerPage();
        int pages = 3;
        for (int length : lengths) {
            pages += Math.ceilDiv(length, perPage);
        }
        pool = new CachePool(bench.empty(DType.U8, pages, format.bytesPerPage()), format);
        Tensor cells = pool.rows();
        bench.set(cells, number -> Double.NaN);
        List<Integer> free = new ArrayList<>();
        for (int page = 0; page < pages; page++) {
            free.add(page);
        }
        Collections.shuffle(free, bench.random());
        table = new int[lengths.length * spec.maxPagesPerSequence()];
        for (int i = 0; i < table.length; i++) {
            table[i] = i % 2 == 0 ? Integer.MIN_VALUE : 123_456_789;
        }
        rows = new double[lengths.length][][];
        for (int sequence = 0; sequence < lengths.length; sequence++) {
            rows[sequence] = new double[lengths[sequence]][];
            for (int i = 0; i < lengths[sequence]; i++) {
                int entry = sequence * spec.maxPagesPerSequence() + i / perPage;
                if (i % perPage == 0) {
                    table[entry] = free.removeLast();
                }
                Tensor row = cells.get(table[entry]).get(i % perPage);
                bench.set(row, number -> bench.random().nextGaussian());
                rows[sequence][i] = bench.read(row);
            }
        }
        int queries = lengths.length * spec.queriesPerSequence();
        query = bench.empty(spec.query(), queries, spec.heads(), format.rowDim());
        bench.set(query, number -> spread * bench.random().nextGaussian());
        sink = spec.sink() ? bench.normal(DType.F32, spec.heads()) : null;
        out = bench.empty(spec.out(), queries, spec.heads(), spec.latentDim());
        logSumExp = bench.empty(DType.F32, queries, spec.heads());
        maxLogit = bench.empty(DType.F32, spec.heads());
    }

    MlaDecode.Args args() {
        return MlaDecode.Args.of(query, pool, tableTensor(), bench.ints(lengths), out)
                .withSink(sink)
                .withLogSumExp(logSumExp)
                .withMaxLogit(maxLogit);
    }

    Tensor tableTensor() {
        return bench.intMatrix(table, lengths.length, spec.maxPagesPerSequence());
    }

    /// Runs the step and compares it with F64.
    void check() {
        bench.run(spec, args());
        compare((sequence, row) -> true);
    }

    interface Seen {
        boolean test(int sequence, int row);
    }

    /// Compares what is there with F64 attention over the rows that `seen` holds for.
    void compare(Seen seen) {
        int q = spec.queriesPerSequence();
        double[][] queries = PlainAttention.rows(bench.read(query), spec.cache().rowDim());
        double[] outputs = new double[(int) out.elements()];
        double[] sums = new double[(int) logSumExp.elements()];
        double[] largest = new double[spec.heads()];
        Arrays.fill(largest, Double.NEGATIVE_INFINITY);
        double[] sinks = sink == null ? new double[0] : bench.read(sink);
        for (int pair = 0; pair < sums.length; pair++) {
            int head = pair % spec.heads();
            int token = pair / spec.heads();
            int sequence = token / q;
            int last = lengths[sequence] - q + token % q;
            PlainAttention.Result result =
                    PlainAttention.attend(
                            queries[pair],
                            rows[sequence],
                            rows[sequence],
                            spec.latentDim(),
                            row -> row <= last && seen.test(sequence, row),
                            spec.softmaxScale(),
                            sink == null ? Double.NEGATIVE_INFINITY : sinks[head]);
            System.arraycopy(
                    result.output(), 0, outputs, pair * spec.latentDim(), spec.latentDim());
            sums[pair] = result.logSumExp();
            largest[head] = Math.max(largest[head], result.maxLogit());
        }
        // A kernel may round weights to the type of the result.
        double rounding = spec.out() == DType.F32 ? 0 : 2 * RowBench.tolerance(spec.out());
        bench.assertClose(outputs, out, TOLERANCE + rounding);
        bench.assertClose(sums, logSumExp, 2e-6);
        bench.assertClose(largest, maxLogit, 2e-6);
    }
}

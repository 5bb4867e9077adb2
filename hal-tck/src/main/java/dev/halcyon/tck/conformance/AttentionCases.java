package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;
import static dev.halcyon.hal.memory.DType.I32;

import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Cases of latent attention: sequences of no, one and many rows, partly filled pages, splits,
/// sinks.
final class AttentionCases {
    private static final DType[] STORED = {F32, BF16};

    private final List<ConformanceCase> cases = new ArrayList<>();

    private AttentionCases() {}

    static List<ConformanceCase> all() {
        AttentionCases all = new AttentionCases();
        for (DType dtype : STORED) {
            all.prefills(dtype);
            all.decodes(dtype);
            all.merges(dtype);
            all.caches(dtype);
            all.clips(dtype);
        }
        all.prefill(new int[] {5}, new int[] {70}, 128, 128, 64, 128, true, false, BF16);
        all.decode(new int[] {300, 65}, 128, 512, 64, 1, 512, false, BF16);
        all.decode(new int[] {130}, 128, 512, 64, 1, 64, false, F32);
        all.decode(new int[] {5, 0, 70, 64}, 3, 16, 8, 1, 32, false, BF16, true);
        all.decode(new int[] {90, 7}, 2, 12, 6, 2, 512, true, F32, true);
        all.schedules();
        return all.cases;
    }

    private void prefills(DType dtype) {
        prefill(new int[] {1}, new int[] {1}, 1, 1, 2, 1, true, false, dtype);
        prefill(new int[] {7}, new int[] {7}, 3, 12, 8, 10, true, false, dtype);
        prefill(new int[] {5, 0, 3}, new int[] {9, 4, 3}, 2, 16, 0, 16, true, true, dtype);
        prefill(new int[] {4, 2}, new int[] {2, 0}, 3, 9, 6, 7, true, true, dtype);
        prefill(new int[] {3, 17}, new int[] {40, 1}, 4, 17, 4, 33, false, false, dtype);
        prefill(new int[] {33}, new int[] {70}, 2, 128, 64, 128, true, false, dtype);
        prefill(new int[] {0}, new int[] {0}, 2, 8, 4, 8, true, false, dtype);
    }

    private void prefill(
            int[] queries,
            int[] keys,
            int heads,
            int nope,
            int rope,
            int value,
            boolean causal,
            boolean sink,
            DType dtype) {
        int tokens = Arrays.stream(queries).sum();
        int keyRows = Arrays.stream(keys).sum();
        String what =
                Arrays.toString(queries)
                        + " on "
                        + Arrays.toString(keys)
                        + " "
                        + heads
                        + "x"
                        + nope
                        + "+"
                        + rope
                        + "x"
                        + value
                        + (causal ? "" : " all keys")
                        + (sink ? " sink" : "")
                        + " "
                        + dtype;
        cases.add(
                ProblemCase.of(
                        "MlaPrefill",
                        what,
                        tokens,
                        s -> {
                            int dead = s.rows() - s.live();
                            int keyTensorRows = keyRows + dead;
                            MlaPrefill spec =
                                    MlaPrefill.of(
                                                    s.bound(),
                                                    queries.length + dead,
                                                    heads,
                                                    nope,
                                                    rope,
                                                    value,
                                                    dtype)
                                            .withMaxKeys(Math.max(1, keyTensorRows + dead))
                                            .withCausal(causal)
                                            .withSink(sink);
                            Problem.Builder problem =
                                    Problem.of(spec, s)
                                            .rows(
                                                    "query",
                                                    dtype,
                                                    s.normal(
                                                            "query",
                                                            (long) tokens * heads * (nope + rope)),
                                                    heads,
                                                    nope + rope)
                                            .strided(
                                                    "key",
                                                    dtype,
                                                    keys(
                                                            s,
                                                            "key",
                                                            keyRows,
                                                            keyTensorRows,
                                                            heads * nope),
                                                    keyTensorRows,
                                                    heads,
                                                    nope)
                                            .strided(
                                                    "ropeKey",
                                                    dtype,
                                                    keys(
                                                            s,
                                                            "ropeKey",
                                                            keyRows,
                                                            keyTensorRows,
                                                            rope),
                                                    keyTensorRows,
                                                    rope)
                                            .strided(
                                                    "value",
                                                    dtype,
                                                    keys(
                                                            s,
                                                            "value",
                                                            keyRows,
                                                            keyTensorRows,
                                                            heads * value),
                                                    keyTensorRows,
                                                    heads,
                                                    value)
                                            .ints("queryStart", starts(queries), queries.length + 1)
                                            .ints("keyStart", starts(keys), keys.length + 1)
                                            .outRows("out", dtype, heads, value)
                                            .outRows("logSumExp", F32, heads)
                                            .out("maxLogit", F32, heads)
                                            .whole()
                                            .sums(F32, nope + rope + keyRows)
                                            .terms(1);
                            return sink
                                    ? problem.plain("sink", F32, s.normal("sink", heads, 2), heads)
                                            .build()
                                    : problem.build();
                        }));
    }

    /// Keys of no sequence are NaN.
    private static double[] keys(Setting s, String name, int rows, int tensorRows, int width) {
        double[] values = Arrays.copyOf(s.normal(name, (long) rows * width), tensorRows * width);
        Arrays.fill(values, rows * width, values.length, Double.NaN);
        return values;
    }

    static int[] starts(int[] counts) {
        int[] starts = new int[counts.length + 1];
        for (int i = 0; i < counts.length; i++) {
            starts[i + 1] = starts[i] + counts[i];
        }
        return starts;
    }

    private void decodes(DType dtype) {
        decode(new int[] {1}, 1, 1, 1, 2, 512, false, dtype);
        decode(new int[] {5, 64, 65}, 3, 16, 8, 1, 512, false, dtype);
        decode(new int[] {0, 1, 63, 130, 0}, 2, 12, 6, 1, 16, true, dtype);
        decode(new int[] {200, 3}, 5, 32, 16, 1, 64, false, dtype);
        decode(new int[] {7, 0, 90}, 3, 16, 8, 2, 32, true, dtype);
        decode(new int[] {100}, 16, 512, 64, 1, 512, false, dtype);
        decode(new int[] {129, 17}, 33, 40, 0, 1, 33, false, dtype);
    }

    private void decode(
            int[] lengths,
            int heads,
            int latent,
            int rope,
            int each,
            int splitRows,
            boolean sink,
            DType dtype) {
        decode(lengths, heads, latent, rope, each, splitRows, sink, dtype, false);
    }

    private void decode(
            int[] lengths,
            int heads,
            int latent,
            int rope,
            int each,
            int splitRows,
            boolean sink,
            DType dtype,
            boolean batchInvariant) {
        String what =
                Arrays.toString(lengths)
                        + " "
                        + heads
                        + "x"
                        + latent
                        + "+"
                        + rope
                        + " splits of "
                        + splitRows
                        + (each > 1 ? " " + each + " queries" : "")
                        + (sink ? " sink" : "")
                        + (batchInvariant ? " batch invariant" : "")
                        + " "
                        + dtype;
        CacheFormat format = CacheFormat.rowMajor(dtype, latent, rope, 64);
        int pagesEach = Math.ceilDiv(Math.max(1, Arrays.stream(lengths).max().orElse(1)), 64) + 1;
        int pages = lengths.length * pagesEach + 1;
        cases.add(
                ProblemCase.of(
                        "MlaDecode",
                        what,
                        lengths.length,
                        s -> {
                            MlaDecode spec =
                                    MlaDecode.of(
                                                    s.bound(),
                                                    heads,
                                                    1 / Math.sqrt(latent + (double) rope),
                                                    format,
                                                    pagesEach,
                                                    dtype)
                                            .withQueriesPerSequence(each)
                                            .withSplitRows(splitRows)
                                            .withSink(sink)
                                            .withBatchInvariant(batchInvariant);
                            int[] live = Arrays.copyOf(lengths, s.live());
                            int[] order = permutation(pages);
                            long queryWidth = (long) each * heads * format.rowDim();
                            double[] query = s.normal("query", s.live() * queryWidth);
                            Problem.Builder problem =
                                    Problem.of(spec, s)
                                            .strided(
                                                    "query",
                                                    dtype,
                                                    dead(query, s.rows() * queryWidth),
                                                    (long) s.rows() * each,
                                                    heads,
                                                    format.rowDim())
                                            .cache(
                                                    format,
                                                    pages,
                                                    cacheRows(
                                                            s, format, order, lengths, pages,
                                                            pagesEach))
                                            .intRows(
                                                    "blockTable",
                                                    blockTable(
                                                            order,
                                                            live,
                                                            pagesEach,
                                                            format.rowsPerPage()),
                                                    Integer.MIN_VALUE,
                                                    pagesEach)
                                            .intRows("lengths", live, Integer.MAX_VALUE)
                                            .outStrided(
                                                    "out",
                                                    dtype,
                                                    (long) s.rows() * each,
                                                    heads,
                                                    latent)
                                            .outStrided(
                                                    "logSumExp", F32, (long) s.rows() * each, heads)
                                            .out("maxLogit", F32, heads)
                                            .active()
                                            .sums(F32, format.rowDim() + 200L)
                                            .terms(1)
                                            .perRow("out", "logSumExp");
                            return sink
                                    ? problem.plain("sink", F32, s.normal("sink", heads, 2), heads)
                                            .build()
                                    : problem.build();
                        }));
    }

    /// The same order for every seed, so that a launch bound once may be given other rows.
    static int[] permutation(int count) {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) {
            order[i] = (int) ((i + 1L) * 1_000_003 % count);
        }
        return isPermutation(order) ? order : IntStream.range(0, count).toArray();
    }

    private static boolean isPermutation(int[] order) {
        return Arrays.stream(order).distinct().count() == order.length;
    }

    private static double[] dead(double[] values, long length) {
        double[] all = Arrays.copyOf(values, Math.toIntExact(length));
        Arrays.fill(all, values.length, all.length, Double.NaN);
        return all;
    }

    /// Rows that no sequence has are NaN.
    static double[] cacheRows(
            Setting s, CacheFormat format, int[] order, int[] lengths, int pages, int pagesEach) {
        int width = format.rowDim();
        double[] all = new double[pages * format.rowsPerPage() * width];
        Arrays.fill(all, Double.NaN);
        double[] values = s.normal("cache", (long) Arrays.stream(lengths).sum() * width);
        int next = 0;
        for (int sequence = 0; sequence < lengths.length; sequence++) {
            for (int row = 0; row < lengths[sequence]; row++) {
                int page = order[sequence * pagesEach + row / format.rowsPerPage()];
                int slot = page * format.rowsPerPage() + row % format.rowsPerPage();
                System.arraycopy(values, next * width, all, slot * width, width);
                next++;
            }
        }
        return all;
    }

    /// What stands behind a sequence's last page is garbage.
    static int[] blockTable(int[] order, int[] lengths, int pagesEach, int rowsPerPage) {
        int[] table = new int[lengths.length * pagesEach];
        for (int i = 0; i < table.length; i++) {
            int used = Math.ceilDiv(lengths[i / pagesEach], rowsPerPage);
            table[i] = i % pagesEach < used ? order[i] : Integer.MAX_VALUE - i;
        }
        return table;
    }

    private void merges(DType dtype) {
        for (int parts : new int[] {1, 2, 5}) {
            for (boolean sink : new boolean[] {false, true}) {
                merge(3, 2, 17, parts, sink, dtype);
                merge(1, 3, 64, parts, sink, dtype);
            }
        }
    }

    /// Some parts have no keys: an infinity of either sign says so, and their outputs are NaN.
    private void merge(int rows, int heads, int dim, int parts, boolean sink, DType dtype) {
        String what =
                parts
                        + " parts "
                        + rows
                        + "x"
                        + heads
                        + "x"
                        + dim
                        + (sink ? " sink" : "")
                        + " "
                        + dtype;
        cases.add(
                ProblemCase.of(
                        "AttentionMerge",
                        what,
                        rows,
                        s -> {
                            AttentionMerge spec =
                                    AttentionMerge.of(s.bound(), heads, dim, parts, dtype)
                                            .withSink(sink);
                            int pairs = parts * s.rows() * heads;
                            double[] lse = s.normal("partialLse", pairs, 3);
                            double[] partial = s.normal("partial", (long) pairs * dim);
                            for (int i = 0; i < pairs; i++) {
                                if (i % 4 == 3) {
                                    lse[i] =
                                            i % 8 == 3
                                                    ? Double.NEGATIVE_INFINITY
                                                    : Double.POSITIVE_INFINITY;
                                    Arrays.fill(partial, i * dim, (i + 1) * dim, Double.NaN);
                                }
                            }
                            Problem.Builder problem =
                                    Problem.of(spec, s)
                                            .strided(
                                                    "partial", dtype, partial, parts, s.rows(),
                                                    heads, dim)
                                            .strided("partialLse", F32, lse, parts, s.rows(), heads)
                                            .outStrided("out", dtype, s.rows(), heads, dim)
                                            .outStrided("logSumExp", F32, s.rows(), heads)
                                            .active()
                                            .sums(F32, parts)
                                            .terms(1);
                            return sink
                                    ? problem.plain("sink", F32, s.normal("sink", heads, 2), heads)
                                            .build()
                                    : problem.build();
                        }));
    }

    private void caches(DType dtype) {
        for (DType stored : STORED) {
            for (int[] dims : new int[][] {{16, 8}, {13, 6}, {5, 0}}) {
                CacheFormat format = CacheFormat.rowMajor(stored, dims[0], dims[1], 8);
                String what = dims[0] + "+" + dims[1] + " " + dtype + " and " + stored;
                int pages = 3;
                cases.add(
                        ProblemCase.of(
                                "CacheAppend",
                                what,
                                7,
                                s ->
                                        Problem.of(CacheAppend.of(s.bound(), format, dtype), s)
                                                .rows(
                                                        "latent",
                                                        dtype,
                                                        s.normal(
                                                                "latent",
                                                                (long) s.live() * dims[0]),
                                                        dims[0])
                                                .rows(
                                                        "ropeKey",
                                                        dtype,
                                                        s.normal(
                                                                "ropeKey",
                                                                (long) s.live() * dims[1]),
                                                        dims[1])
                                                .intRows("slots", slots(s), 1 << 20)
                                                .cache(
                                                        format,
                                                        pages,
                                                        s.normal(
                                                                "cache",
                                                                pages * 8L * format.rowDim()))
                                                .active()
                                                .exactTo(stored)
                                                .build()));
                cases.add(
                        ProblemCase.of(
                                "CacheGather",
                                what,
                                7,
                                s ->
                                        Problem.of(CacheGather.of(s.bound(), format, dtype), s)
                                                .cache(
                                                        format,
                                                        pages,
                                                        s.normal(
                                                                "cache",
                                                                pages * 8L * format.rowDim()))
                                                .intRows("slots", slots(s), 1 << 20)
                                                .outRows("latent", dtype, dims[0])
                                                .outRows("ropeKey", dtype, dims[1])
                                                .active()
                                                .exactTo(dtype)
                                                .build()));
            }
        }
    }

    /// Distinct slots of a pool of 24, one of them -1.
    private static int[] slots(Setting s) {
        int[] order = s.permutation("slots", 24);
        int[] slots = Arrays.copyOf(order, s.live());
        if (slots.length > 2) {
            slots[2] = -1;
        }
        return slots;
    }

    private void clips(DType dtype) {
        clip(4, 10, 6, 8, 16, 12, 1, dtype);
        clip(3, 8, 0, 6, 24, 10, 3, dtype);
        clip(1, 1, 2, 1, 1, 1, 0.5, dtype);
    }

    /// Heads above, at and below the limit, one without any logit.
    private void clip(
            int heads,
            int nope,
            int rope,
            int value,
            int rank,
            int latent,
            double tau,
            DType dtype) {
        String what = heads + "x" + nope + "+" + rope + "x" + value + " " + dtype;
        cases.add(
                ProblemCase.of(
                        "QkClip",
                        what,
                        1,
                        s -> {
                            double[] logits = s.uniform("maxLogit", heads, tau / 2, tau * 4);
                            logits[heads - 1] = tau * 2;
                            logits[0] = heads > 1 ? Double.NEGATIVE_INFINITY : logits[0];
                            long query = (long) heads * (nope + rope);
                            long kv = (long) heads * (nope + value);
                            return Problem.of(
                                            QkClip.of(heads, nope, rope, value, rank, latent)
                                                    .withTau(tau)
                                                    .withAlpha(0.3)
                                                    .withWeight(dtype),
                                            s)
                                    .strided(
                                            "queryWeight",
                                            dtype,
                                            s.normal("queryWeight", query * rank),
                                            query,
                                            rank)
                                    .strided(
                                            "kvWeight",
                                            dtype,
                                            s.normal("kvWeight", kv * latent),
                                            kv,
                                            latent)
                                    .plain("maxLogit", F32, logits, heads)
                                    .out("eta", F32, heads)
                                    .sums(F32, 1)
                                    .build();
                        }));
    }

    private void schedules() {
        int[][] all = {{1}, {0, 0}, {512, 513, 0, 1, 1024}, {7, 100, 3}};
        for (int[] lengths : all) {
            for (int splitRows : new int[] {1, 16, 512}) {
                cases.add(
                        ProblemCase.of(
                                "MlaSchedule",
                                Arrays.toString(lengths) + " splits of " + splitRows,
                                lengths.length,
                                s -> {
                                    int[] live = Arrays.copyOf(lengths, s.live());
                                    return Problem.of(new MlaSchedule(s.bound(), splitRows), s)
                                            .intRows("lengths", live, 0)
                                            .out("splitStart", I32, s.rows() + 1L)
                                            .build();
                                }));
            }
        }
    }
}

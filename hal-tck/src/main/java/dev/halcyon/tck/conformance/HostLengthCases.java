package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/// Cases of decode steps whose lengths and pages come from step inputs, over the cache that the
/// device is fastest with. Lengths change with the seed, so a recorded step is replayed with
/// others.
final class HostLengthCases {
    private static final int LATENT = 512;
    private static final int ROPE = 64;
    private static final int NOPE = 128;
    private static final int VALUE = 128;

    private final List<ConformanceCase> cases = new ArrayList<>();

    private HostLengthCases() {}

    static List<ConformanceCase> all() {
        HostLengthCases all = new HostLengthCases();
        all.decode(new int[] {70, 0, 1}, 4, 1, BF16);
        all.decode(new int[] {40, 9, 2}, 2, 2, BF16);
        all.decode(new int[] {300, 65}, 128, 1, BF16);
        all.decode(new int[] {20}, 3, 1, BF16);
        all.decode(new int[] {20}, 4, 1, F32);
        for (int bad : new int[] {-2, 1 << 30}) {
            all.badPage(bad);
        }
        all.prefill(new int[] {9}, new int[] {9}, 2, true);
        all.prefill(new int[] {5, 3}, new int[] {14, 8}, 3, true);
        all.prefill(new int[] {7, 2}, new int[] {6, 1}, 2, false);
        all.prefill(new int[] {4, 2}, new int[] {3, 5}, 2, true);
        return all.cases;
    }

    private void decode(int[] bounds, int heads, int each, DType dtype) {
        String what =
                "host lengths "
                        + Arrays.toString(bounds)
                        + " "
                        + heads
                        + " heads"
                        + (each > 1 ? " " + each + " queries" : "")
                        + " "
                        + dtype;
        cases.add(
                ProblemCase.of(
                        "MlaDecode",
                        what,
                        bounds.length,
                        s -> {
                            CacheFormat format = s.cacheFormat(dtype, LATENT, ROPE);
                            int pagesEach = Math.toIntExact(format.pagesFor(max(bounds))) + 1;
                            int pages = bounds.length * pagesEach + 1;
                            int[] lengths = lengths(s, bounds, each);
                            int[] live = Arrays.copyOf(lengths, s.live());
                            int[] order = AttentionCases.permutation(pages);
                            MlaDecode spec =
                                    MlaDecode.of(
                                                    s.bound(),
                                                    heads,
                                                    1 / Math.sqrt(LATENT + (double) ROPE),
                                                    format,
                                                    pagesEach,
                                                    dtype)
                                            .withQueriesPerSequence(each)
                                            .withHostLengths(true);
                            long width = (long) each * heads * format.rowDim();
                            double[] query = s.normal("query", s.live() * width);
                            int sent = query.length;
                            query = Arrays.copyOf(query, Math.toIntExact(s.rows() * width));
                            Arrays.fill(query, sent, query.length, Double.NaN);
                            return Problem.of(spec, s)
                                    .strided(
                                            "query",
                                            dtype,
                                            query,
                                            (long) s.rows() * each,
                                            heads,
                                            format.rowDim())
                                    .cache(
                                            format,
                                            pages,
                                            AttentionCases.cacheRows(
                                                    s, format, order, lengths, pages, pagesEach))
                                    .steppedRows(
                                            "blockTable",
                                            AttentionCases.blockTable(
                                                    order, live, pagesEach, format.rowsPerPage()),
                                            Integer.MIN_VALUE,
                                            pagesEach)
                                    .steppedRows("lengths", live, Integer.MAX_VALUE)
                                    .outStrided("out", dtype, (long) s.rows() * each, heads, LATENT)
                                    .outStrided("logSumExp", F32, (long) s.rows() * each, heads)
                                    .steppedActive()
                                    .sums(F32, format.rowDim() + 200L)
                                    .terms(1)
                                    .perRow("out", "logSumExp")
                                    .build();
                        }));
    }

    private static int max(int[] numbers) {
        return Arrays.stream(numbers).max().orElse(1);
    }

    /// Some rows fewer than the bounds, but none where there is none.
    private static int[] lengths(Setting s, int[] bounds, int each) {
        RandomGenerator random = s.random("lengths");
        int[] lengths = bounds.clone();
        for (int i = 0; i < lengths.length; i++) {
            int fewer = random.nextInt(9);
            lengths[i] = bounds[i] == 0 ? 0 : Math.max(each, bounds[i] - fewer);
        }
        return lengths;
    }

    /// With the last case's causal mask one query sees no key, which not every operator takes.
    private void prefill(int[] queries, int[] keys, int heads, boolean causal) {
        int tokens = Arrays.stream(queries).sum();
        int keyRows = Arrays.stream(keys).sum();
        String what =
                "host starts "
                        + Arrays.toString(queries)
                        + " on "
                        + Arrays.toString(keys)
                        + " "
                        + heads
                        + " heads"
                        + (causal ? "" : " all keys");
        cases.add(
                ProblemCase.of(
                        "MlaPrefill",
                        what,
                        tokens,
                        s -> {
                            MlaPrefill spec =
                                    MlaPrefill.of(
                                                    s.bound(),
                                                    queries.length,
                                                    heads,
                                                    NOPE,
                                                    ROPE,
                                                    VALUE,
                                                    BF16)
                                            .withMaxKeys(keyRows + 3)
                                            .withCausal(causal)
                                            .withHostStarts(true);
                            long width = NOPE + (long) ROPE;
                            double[] query = s.normal("query", tokens * heads * width);
                            return Problem.of(spec, s)
                                    .strided("query", BF16, query, tokens, heads, width)
                                    .strided(
                                            "key",
                                            BF16,
                                            s.normal("key", (long) keyRows * heads * NOPE),
                                            keyRows,
                                            heads,
                                            NOPE)
                                    .strided(
                                            "ropeKey",
                                            BF16,
                                            s.normal("ropeKey", (long) keyRows * ROPE),
                                            keyRows,
                                            ROPE)
                                    .strided(
                                            "value",
                                            BF16,
                                            s.normal("value", (long) keyRows * heads * VALUE),
                                            keyRows,
                                            heads,
                                            VALUE)
                                    .steppedInts("queryStart", AttentionCases.starts(queries))
                                    .steppedInts("keyStart", AttentionCases.starts(keys))
                                    .outStrided("out", BF16, tokens, heads, VALUE)
                                    .outStrided("logSumExp", F32, tokens, heads)
                                    .whole()
                                    .sums(F32, width + keyRows)
                                    .terms(1)
                                    .build();
                        }));
    }

    private void badPage(int bad) {
        cases.add(
                ProblemCase.of(
                        "MlaDecode",
                        "host lengths, bad page " + bad,
                        2,
                        s -> {
                            CacheFormat format = s.cacheFormat(BF16, LATENT, ROPE);
                            int rows = format.rowsPerPage();
                            double[] cache = s.normal("cache", 3L * rows * format.rowDim());
                            long width = 2L * format.rowDim();
                            return Problem.of(
                                            MlaDecode.of(s.bound(), 2, 0.04, format, 2, BF16)
                                                    .withHostLengths(true),
                                            s)
                                    .rows(
                                            "query",
                                            BF16,
                                            s.normal("query", 2 * width),
                                            2,
                                            format.rowDim())
                                    .cache(format, 3, cache)
                                    .steppedRows("blockTable", new int[] {2, bad, 0, 1}, 0, 2)
                                    .steppedRows("lengths", new int[] {rows + 9, rows + 5}, 0)
                                    .outRows("out", BF16, 2, LATENT)
                                    .outRows("logSumExp", F32, 2)
                                    .sums(F32, format.rowDim() + 200L)
                                    .terms(1)
                                    .faulty()
                                    .build();
                        }));
    }
}

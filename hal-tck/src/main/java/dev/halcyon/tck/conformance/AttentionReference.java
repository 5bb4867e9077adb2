package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.tck.oracle.Attention;
import dev.halcyon.tck.oracle.AttentionResult;
import dev.halcyon.tck.oracle.MlaShape;
import dev.halcyon.tck.oracle.PagedCache;
import dev.halcyon.tck.oracle.SplitCombine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// What the specs of latent attention must write, by the oracle.
final class AttentionReference {
    private AttentionReference() {}

    static Map<String, Expected> of(MlaPrefill spec, Values in) {
        int[] queryStart = in.ints("queryStart");
        int[] keyStart = in.ints("keyStart");
        var oracle =
                new dev.halcyon.tck.oracle.MlaPrefill(
                        spec.heads(),
                        spec.nopeDim(),
                        spec.ropeDim(),
                        spec.valueDim(),
                        spec.softmaxScale(),
                        spec.causal());
        AttentionResult result =
                oracle.run(
                        in.of("query"),
                        new dev.halcyon.tck.oracle.MlaPrefill.KeyValues(
                                in.of("key"), in.of("ropeKey"), in.of("value")),
                        queryStart,
                        keyStart,
                        in.orEmpty("sink"));
        int tokens = in.tensor("query").dim(0);
        BitSet outside = new BitSet();
        outside.set(0, tokens);
        for (int s = 0; s + 1 < queryStart.length; s++) {
            outside.clear(queryStart[s], queryStart[s + 1]);
        }
        return attention(result, outside, spec.heads(), spec.valueDim(), in);
    }

    static Map<String, Expected> of(MlaDecode spec, Values in) {
        int sequences = in.tensor("lengths").dim(0);
        int live = in.live(sequences);
        int each = spec.queriesPerSequence();
        int width = spec.heads() * spec.cache().rowDim();
        AttentionResult result =
                new dev.halcyon.tck.oracle.MlaDecode(
                                spec.heads(), spec.latentDim(), spec.softmaxScale())
                        .run(
                                Arrays.copyOf(in.of("query"), live * each * width),
                                IntStream.rangeClosed(0, live).map(s -> s * each).toArray(),
                                cache(spec.cache(), in),
                                Arrays.copyOf(
                                        in.ints("blockTable"), live * spec.maxPagesPerSequence()),
                                Arrays.copyOf(in.ints("lengths"), live),
                                in.orEmpty("sink"));
        BitSet outside = new BitSet();
        outside.set(live * each, sequences * each);
        int queries = sequences * each;
        AttentionResult padded =
                new AttentionResult(
                        queries,
                        spec.heads(),
                        spec.latentDim(),
                        Arrays.copyOf(result.output(), queries * spec.heads() * spec.latentDim()),
                        Arrays.copyOf(result.logSumExp(), queries * spec.heads()),
                        result.maxLogit());
        return attention(padded, outside, spec.heads(), spec.latentDim(), in);
    }

    private static Map<String, Expected> attention(
            AttentionResult result, BitSet outside, int heads, int width, Values in) {
        Map<String, Expected> expected = new LinkedHashMap<>();
        expected.put("out", Expected.of(result.output()).except(outside, heads * width));
        if (in.has("logSumExp")) {
            expected.put("logSumExp", Expected.of(result.logSumExp()).except(outside, heads));
        }
        if (in.has("maxLogit")) {
            expected.put("maxLogit", Expected.of(result.maxLogit()));
        }
        return expected;
    }

    private static PagedCache cache(CacheFormat format, Values in) {
        double[] rows = in.of("cache");
        int pages = rows.length / format.rowDim() / format.rowsPerPage();
        return new PagedCache(rows, pages, format.rowsPerPage(), format.rowDim());
    }

    static Map<String, Expected> of(MlaSchedule spec, Values in) {
        int[] lengths = in.ints("lengths");
        int[] start = new int[lengths.length + 1];
        for (int b = 0; b < lengths.length; b++) {
            start[b + 1] = start[b] + Math.ceilDiv(Math.max(0, lengths[b]), spec.splitRows());
        }
        return Map.of("splitStart", Expected.of(start));
    }

    static Map<String, Expected> of(AttentionMerge spec, Values in) {
        int rows = in.tensor("partial").dim(1);
        int live = in.live(rows);
        double[] partial = in.of("partial");
        double[] lse = in.of("partialLse");
        double[] sinks = in.orEmpty("sink");
        double[] out = new double[rows * spec.heads() * spec.dim()];
        double[] merged = new double[rows * spec.heads()];
        for (int at = 0; at < live * spec.heads(); at++) {
            List<Attention.Head> pieces = new ArrayList<>();
            for (int p = 0; p < spec.parts(); p++) {
                int from = p * rows * spec.heads() + at;
                double[] piece =
                        Arrays.copyOfRange(partial, from * spec.dim(), (from + 1) * spec.dim());
                pieces.add(new Attention.Head(piece, lse[from], Double.NEGATIVE_INFINITY));
            }
            double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[at % spec.heads()];
            Attention.Head head = SplitCombine.merge(pieces, spec.dim(), sink);
            System.arraycopy(head.output(), 0, out, at * spec.dim(), spec.dim());
            merged[at] = head.logSumExp();
        }
        Map<String, Expected> expected = new LinkedHashMap<>();
        expected.put("out", Expected.ofRows(out, rows, live, spec.heads() * spec.dim()));
        if (in.has("logSumExp")) {
            expected.put("logSumExp", Expected.ofRows(merged, rows, live, spec.heads()));
        }
        return expected;
    }

    static Map<String, Expected> of(CacheAppend spec, Values in) {
        int[] slots = in.ints("slots");
        int live = in.live(slots.length);
        int latentDim = spec.cache().latentDim();
        int ropeDim = spec.cache().ropeDim();
        int width = spec.cache().rowDim();
        double[] cache = in.of("cache").clone();
        for (int t = 0; t < live; t++) {
            if (slots[t] >= 0 && slots[t] < cache.length / width) {
                System.arraycopy(
                        in.of("latent"), t * latentDim, cache, slots[t] * width, latentDim);
                System.arraycopy(
                        in.of("ropeKey"),
                        t * ropeDim,
                        cache,
                        slots[t] * width + latentDim,
                        ropeDim);
            }
        }
        return Map.of("cache", Expected.of(cache));
    }

    static Map<String, Expected> of(CacheGather spec, Values in) {
        int[] slots = in.ints("slots");
        int live = in.live(slots.length);
        int latentDim = spec.cache().latentDim();
        int ropeDim = spec.cache().ropeDim();
        int width = spec.cache().rowDim();
        double[] cache = in.of("cache");
        double[] latent = new double[live * latentDim];
        double[] ropeKey = new double[live * ropeDim];
        for (int r = 0; r < live; r++) {
            if (slots[r] >= 0 && slots[r] < cache.length / width) {
                System.arraycopy(cache, slots[r] * width, latent, r * latentDim, latentDim);
                System.arraycopy(
                        cache, slots[r] * width + latentDim, ropeKey, r * ropeDim, ropeDim);
            }
        }
        return Map.of(
                "latent", Expected.ofRows(latent, slots.length, live, latentDim),
                "ropeKey", Expected.ofRows(ropeKey, slots.length, live, ropeDim));
    }

    static Map<String, Expected> of(QkClip spec, Values in) {
        // The oracle's shape wants a rotated part; a layer without one has it with no rows.
        MlaShape shape =
                new MlaShape(
                        1,
                        spec.heads(),
                        spec.queryRank(),
                        spec.latentDim(),
                        spec.nopeDim(),
                        Math.max(2, spec.ropeDim()),
                        spec.valueDim());
        var oracle = new dev.halcyon.tck.oracle.QkClip(spec.tau(), spec.alpha());
        double[] factors = oracle.factors(in.of("maxLogit"));
        Map<String, Expected> expected = new LinkedHashMap<>();
        expected.put("queryWeight", Expected.of(query(spec, in.of("queryWeight"), factors)));
        expected.put(
                "kvWeight", Expected.of(oracle.clipKeyValue(in.of("kvWeight"), shape, factors)));
        if (in.has("eta")) {
            expected.put("eta", Expected.of(factors));
        }
        return expected;
    }

    private static double[] query(QkClip spec, double[] weight, double[] factors) {
        int perHead = spec.nopeDim() + spec.ropeDim();
        double[] clipped = weight.clone();
        for (int i = 0; i < clipped.length; i++) {
            int row = i / spec.queryRank();
            double factor = factors[row / perHead];
            clipped[i] *= row % perHead < spec.nopeDim() ? Math.pow(factor, spec.alpha()) : factor;
        }
        return clipped;
    }
}

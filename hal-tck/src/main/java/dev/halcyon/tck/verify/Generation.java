package dev.halcyon.tck.verify;

import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.oracle.DecoderLayer;
import dev.halcyon.tck.oracle.LatentCache;
import dev.halcyon.tck.oracle.MlaLayer;
import dev.halcyon.tck.oracle.MlaShape;

import java.util.Arrays;
import java.util.stream.IntStream;

/// The schedule of attention and decoder layer cases: prefill of all sequences at once, in one or
/// two chunks, then one token of each a step; and at the end a look at the cache.
final class Generation {
    private final Fixture fixture;
    private final Workbench bench;
    private final int sequences;
    private final int prefillTokens;
    private final int decodeTokens;
    private final int firstPosition;
    private final SequenceBatch batch;

    private Generation(Fixture fixture, Workbench bench, int firstPosition) {
        this.fixture = fixture;
        this.bench = bench;
        this.sequences = fixture.dim("in.x", 0);
        this.prefillTokens = fixture.dim("in.x", 1);
        this.decodeTokens = fixture.has("in.x_decode") ? fixture.dim("in.x_decode", 1) : 0;
        this.firstPosition = firstPosition;
        this.batch =
                new SequenceBatch(bench, sequences, prefillTokens + decodeTokens, firstPosition);
    }

    /// Tokens without a defined result.
    record Unclear(Ties prefill, Ties decode) {}

    /// One pass of the oracle over tokens of one sequence, whose rows it adds to the cache.
    @FunctionalInterface
    private interface Trial {
        Doubt of(double[] x, int[] positions, LatentCache cache);
    }

    @SuppressWarnings("ArrayRecordComponent")
    private record Doubt(double[] margins, double[] attention) {}

    /// What the oracle's attention layer leaves undefined at the precision of the run.
    Unclear of(MlaLayer layer, Comparison found) {
        return of(
                layer.shape(),
                found,
                (x, positions, cache) -> {
                    cache.append(layer.cacheRows(x, positions));
                    double[] margins = new double[positions.length];
                    Arrays.fill(margins, Double.POSITIVE_INFINITY);
                    return new Doubt(margins, SoftmaxDoubt.of(layer, x, positions, cache));
                });
    }

    /// What the oracle's decoder layer leaves undefined at the precision of the run.
    Unclear of(DecoderLayer layer, Comparison found) {
        return of(
                layer.attention().shape(),
                found,
                (x, positions, cache) -> {
                    OraclePass pass =
                            OraclePass.of(layer, x, positions, cache, MlaLayer.Form.NAIVE);
                    return new Doubt(pass.margins(), pass.doubts());
                });
    }

    private Unclear of(MlaShape shape, Comparison found, Trial trial) {
        int hidden = shape.hidden();
        double[] x = fixture.doubles("in.x");
        double[] next = decodeTokens == 0 ? new double[0] : fixture.doubles("in.x_decode");
        Doubt prefill =
                new Doubt(
                        new double[sequences * prefillTokens],
                        new double[sequences * prefillTokens]);
        Doubt decode =
                new Doubt(
                        new double[sequences * decodeTokens], new double[sequences * decodeTokens]);
        for (int s = 0; s < sequences; s++) {
            LatentCache cache = new LatentCache(shape.cacheWidth());
            int[] positions = range(firstPosition, prefillTokens);
            put(
                    prefill,
                    s * prefillTokens,
                    trial.of(part(x, s, prefillTokens * hidden), positions, cache));
            for (int t = 0; t < decodeTokens; t++) {
                int at = s * decodeTokens + t;
                int[] position = {firstPosition + prefillTokens + t};
                put(decode, at, trial.of(part(next, at, hidden), position, cache));
            }
        }
        return new Unclear(
                Ties.of(prefill.margins(), prefill.attention(), found),
                Ties.of(decode.margins(), decode.attention(), found));
    }

    private static void put(Doubt all, int at, Doubt some) {
        System.arraycopy(some.margins(), 0, all.margins(), at, some.margins().length);
        System.arraycopy(some.attention(), 0, all.attention(), at, some.attention().length);
    }

    private static double[] part(double[] values, int index, int size) {
        return Arrays.copyOfRange(values, index * size, (index + 1) * size);
    }

    private static int[] range(int first, int count) {
        return IntStream.range(first, first + count).toArray();
    }

    static Generation of(Fixture fixture, Workbench bench, int firstPosition) {
        return new Generation(fixture, bench, firstPosition);
    }

    /// @param split where the second chunk of the prefill begins; 0 for one chunk
    /// @param ties the tokens to leave out: those of the prefill, one sequence after the other, and
    ///   those of the decode
    void run(
            AttentionCheck.Pass prefill,
            AttentionCheck.Pass decode,
            LatentAttention attention,
            int split,
            Comparison found,
            Unclear ties) {
        CachePool cache = attention.cache(batch);
        int hidden = attention.shape().hidden();
        double[] x = fixture.doubles("in.x");
        double[] y = new double[x.length];
        int from = 0;
        for (int to :
                split > 0 && split < prefillTokens
                        ? new int[] {split, prefillTokens}
                        : new int[] {prefillTokens}) {
            pass(prefill, x, y, prefillTokens, from, batch.step(from, to), cache, hidden);
            from = to;
        }
        found.closeRows("out.y", fixture.doubles("out.y"), y, ties.prefill());
        if (decodeTokens > 0) {
            double[] next = fixture.doubles("in.x_decode");
            double[] nextY = new double[next.length];
            for (int t = 0; t < decodeTokens; t++) {
                SequenceBatch.Step step = batch.step(prefillTokens + t, prefillTokens + t + 1);
                pass(decode, next, nextY, decodeTokens, t, step, cache, hidden);
            }
            found.closeRows("out.y_decode", fixture.doubles("out.y_decode"), nextY, ties.decode());
        }
        LatentAttention.Rows cached =
                attention.gather(batch, 0, prefillTokens + decodeTokens, cache);
        found.close(
                "out.cache_latent",
                fixture.doubles("out.cache_latent"),
                bench.read(cached.latent(), cached.live()));
        found.close(
                "out.cache_rope_key",
                fixture.doubles("out.cache_rope_key"),
                bench.read(cached.ropeKey(), cached.live()));
    }

    /// Runs a step on its share of `[sequences, tokens, hidden]` values.
    private void pass(
            AttentionCheck.Pass pass,
            double[] x,
            double[] y,
            int tokens,
            int first,
            SequenceBatch.Step step,
            CachePool cache,
            int hidden) {
        int size = step.count() * hidden;
        double[] rows = new double[sequences * size];
        for (int s = 0; s < sequences; s++) {
            System.arraycopy(x, (s * tokens + first) * hidden, rows, s * size, size);
        }
        Tensor out = pass.run(bench.rows(rows, step.live(), hidden), step, cache);
        double[] result = bench.read(out, step.live());
        for (int s = 0; s < sequences; s++) {
            double[] share = Arrays.copyOfRange(result, s * size, (s + 1) * size);
            System.arraycopy(share, 0, y, (s * tokens + first) * hidden, size);
        }
    }
}

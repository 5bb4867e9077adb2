package dev.halcyon.tck.verify;

import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.oracle.DecoderLayer;
import dev.halcyon.tck.oracle.LatentCache;
import dev.halcyon.tck.oracle.MlaLayer;
import java.util.Arrays;
import java.util.stream.IntStream;

/// The schedule of attention and decoder layer cases: prefill of all sequences at once, in one or two chunks, then one
/// token of each a step; and at the end a look at the cache.
final class Generation {
    private final Fixture fixture;
    private final Workbench bench;
    private final int sequences;
    private final int prefillTokens;
    private final int decodeTokens;
    private final SequenceBatch batch;

    private Generation(Fixture fixture, Workbench bench, int firstPosition) {
        this.fixture = fixture;
        this.bench = bench;
        this.sequences = fixture.dim("in.x", 0);
        this.prefillTokens = fixture.dim("in.x", 1);
        this.decodeTokens = fixture.has("in.x_decode") ? fixture.dim("in.x_decode", 1) : 0;
        this.batch = new SequenceBatch(bench, sequences, prefillTokens + decodeTokens, firstPosition);
    }

    /// Tokens without a defined result.
    record Unclear(Ties prefill, Ties decode) {}

    /// Nothing is left out.
    Unclear none() {
        return new Unclear(
                Ties.none(sequences * prefillTokens), Ties.none(sequences * decodeTokens));
    }

    /// What the oracle's layer leaves undecided at the precision of the run.
    Unclear of(DecoderLayer layer, double tolerance) {
        double[] x = fixture.doubles("in.x");
        double[] next = decodeTokens == 0 ? new double[0] : fixture.doubles("in.x_decode");
        double[] prefill = new double[sequences * prefillTokens];
        double[] decode = new double[sequences * decodeTokens];
        int hidden = layer.attentionNorm().length;
        for (int s = 0; s < sequences; s++) {
            LatentCache cache = new LatentCache(layer.attention().shape().cacheWidth());
            OraclePass pass = OraclePass.of(
                    layer,
                    Arrays.copyOfRange(x, s * prefillTokens * hidden, (s + 1) * prefillTokens * hidden),
                    IntStream.range(0, prefillTokens).toArray(),
                    cache,
                    MlaLayer.Form.NAIVE);
            System.arraycopy(pass.margins(), 0, prefill, s * prefillTokens, prefillTokens);
            for (int t = 0; t < decodeTokens; t++) {
                int at = s * decodeTokens + t;
                double[] token = Arrays.copyOfRange(next, at * hidden, (at + 1) * hidden);
                int[] position = {prefillTokens + t};
                decode[at] =
                        OraclePass.of(layer, token, position, cache, MlaLayer.Form.ABSORBED).margins()[0];
            }
        }
        return new Unclear(Ties.of(prefill, tolerance), Ties.of(decode, tolerance));
    }

    static Generation of(Fixture fixture, Workbench bench, int firstPosition) {
        return new Generation(fixture, bench, firstPosition);
    }

    /// @param split where the second chunk of the prefill begins; 0 for one chunk
    /// @param ties the tokens to leave out: those of the prefill, one sequence after the other, and those of the decode
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
        for (int to : split > 0 && split < prefillTokens ? new int[] {split, prefillTokens} : new int[] {prefillTokens}) {
            pass(prefill, x, y, prefillTokens, from, batch.step(from, to), cache, hidden);
            from = to;
        }
        ties.prefill().note(found);
        found.close("out.y", ties.prefill().clear(fixture.doubles("out.y")), ties.prefill().clear(y));
        if (decodeTokens > 0) {
            double[] next = fixture.doubles("in.x_decode");
            double[] nextY = new double[next.length];
            for (int t = 0; t < decodeTokens; t++) {
                SequenceBatch.Step step = batch.step(prefillTokens + t, prefillTokens + t + 1);
                pass(decode, next, nextY, decodeTokens, t, step, cache, hidden);
            }
            ties.decode().note(found);
            found.close(
                    "out.y_decode",
                    ties.decode().clear(fixture.doubles("out.y_decode")),
                    ties.decode().clear(nextY));
        }
        LatentAttention.Rows cached = attention.gather(batch, 0, prefillTokens + decodeTokens, cache);
        found.close("out.cache_latent", fixture.doubles("out.cache_latent"), bench.read(cached.latent(), cached.live()));
        found.close(
                "out.cache_rope_key", fixture.doubles("out.cache_rope_key"), bench.read(cached.ropeKey(), cached.live()));
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

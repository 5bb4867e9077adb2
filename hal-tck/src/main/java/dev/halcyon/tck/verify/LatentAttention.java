package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.MlaShape;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.stream.IntStream;

/// A latent attention layer put together from kernel specs: prefill in the naive form, decode in
/// the absorbed one over a paged cache.
///
/// Source: DeepSeek-V3 inference/model.py, MLA.
final class LatentAttention {
    /// Short enough that the sequences of a case have several splits.
    private static final int SPLIT_ROWS = 16;

    private final Workbench bench;
    private final MlaShape shape;
    private final RotaryFrequencies frequencies;
    private final double softmaxScale;
    private final double epsilon;
    private final Weights weights;
    private final double[] maxLogit;

    /// The weights of a layer.
    ///
    /// @param queryA hidden to query latent, or null
    /// @param queryNorm norm of the query latent, or null
    /// @param query to the queries
    /// @param latentAndKey hidden to latent and rope key
    /// @param latentNorm norm of the latent
    /// @param keyAndValue latent to keys and values, as stored
    /// @param absorbed the same, plain
    /// @param output back to hidden
    record Weights(
            @Nullable Operand queryA,
            @Nullable Tensor queryNorm,
            Operand query,
            Operand latentAndKey,
            Tensor latentNorm,
            Operand keyAndValue,
            Tensor absorbed,
            Operand output) {
        static Weights of(WeightSource source, WeightNames.Layer names, boolean queryLatent) {
            return new Weights(
                    queryLatent ? source.matrix(names.queryLatent()) : null,
                    queryLatent ? source.vector(names.queryLatentNorm()) : null,
                    source.matrix(queryLatent ? names.queryFromLatent() : names.query()),
                    source.matrix(names.latentAndRopeKey()),
                    source.vector(names.latentNorm()),
                    source.matrix(names.keyAndValue()),
                    source.plain(names.keyAndValue()),
                    source.matrix(names.attentionOutput()));
        }
    }

    LatentAttention(
            Workbench bench,
            MlaShape shape,
            RotaryFrequencies frequencies,
            double softmaxScale,
            double epsilon,
            Weights weights) {
        this.bench = bench;
        this.shape = shape;
        this.frequencies = frequencies;
        this.softmaxScale = softmaxScale;
        this.epsilon = epsilon;
        this.weights = weights;
        this.maxLogit = new double[shape.heads()];
        Arrays.fill(maxLogit, Double.NEGATIVE_INFINITY);
    }

    MlaShape shape() {
        return shape;
    }

    /// The largest logit of each head so far.
    double[] maxLogit() {
        return maxLogit.clone();
    }

    /// A pool for the rows of `batch`, full of NaN: the canonical layout, or the device's own in a
    /// bounded run.
    CachePool cache(SequenceBatch batch) {
        CacheFormat format =
                CacheFormat.rowMajor(
                        bench.storage(), shape.latent(), shape.rope(), batch.rowsPerPage());
        if (bench.isBounded()) {
            CacheFormat own =
                    bench.device().cacheFormat(bench.storage(), shape.latent(), shape.rope());
            format = own.rowsPerPage() == batch.rowsPerPage() ? own : format;
        }
        CachePool pool = CachePool.allocate(bench.arena(), format, batch.pages());
        if (format.isRowMajor()) {
            bench.poison(pool.rows());
        }
        return pool;
    }

    /// The new tokens attend to themselves and to what is cached of their sequences; `[rows,
    /// hidden]`.
    Tensor prefill(Tensor x, SequenceBatch.Step step, CachePool cache) {
        Tensor query = queries(x, step);
        Tensor rotated = query.slice(2, shape.nope(), shape.queryWidth());
        rope(rotated, rotated, step);
        Rows own = append(x, step, cache);
        Tensor heads = bench.unfilled(step.live(), shape.heads(), shape.value());
        if (!bench.isBounded()) {
            // Everything is read back from the cache and attended to in one piece.
            attend(
                    step,
                    query,
                    gather(step.batch(), 0, step.to(), cache),
                    step.to(),
                    true,
                    heads,
                    null);
        } else if (step.from() == 0) {
            attend(step, query, own, step.count(), true, heads, null);
        } else {
            inTwoPieces(step, query, own, cache, heads);
        }
        return output(heads, step);
    }

    /// One new token a sequence attends to what is cached, itself included; `[rows, hidden]`.
    Tensor decode(Tensor x, SequenceBatch.Step step, CachePool cache) {
        int live = step.live();
        int heads = shape.heads();
        Tensor query = queries(x, step);
        append(x, step, cache);
        Tensor absorbed = bench.unfilled(live, heads, shape.cacheWidth());
        Tensor perHead =
                weights.absorbed().reshape(heads, shape.nope() + shape.value(), shape.latent());
        WeightFormat format = WeightFormat.rowMajor(perHead.dtype());
        bench.run(
                Gemm.batched(
                        heads,
                        bench.bound(live),
                        shape.latent(),
                        shape.nope(),
                        bench.storage(),
                        format,
                        bench.storage()),
                new Gemm.Args(
                        query.slice(2, 0, shape.nope()).transpose(0, 1),
                        perHead.slice(1, 0, shape.nope()),
                        absorbed.slice(2, 0, shape.latent()).transpose(0, 1),
                        step.active()));
        rope(
                query.slice(2, shape.nope(), shape.queryWidth()),
                absorbed.slice(2, shape.latent(), shape.cacheWidth()),
                step);
        Tensor latentOut = bench.unfilled(live, heads, shape.latent());
        decode(step, absorbed, cache, latentOut);
        Tensor out = bench.unfilled(live, heads, shape.value());
        bench.run(
                Gemm.batched(
                                heads,
                                bench.bound(live),
                                shape.value(),
                                shape.latent(),
                                bench.storage(),
                                format,
                                bench.storage())
                        .withTransposed(false, true),
                new Gemm.Args(
                        latentOut.transpose(0, 1),
                        perHead.slice(1, shape.nope(), shape.nope() + shape.value()),
                        out.transpose(0, 1),
                        step.active()));
        return output(out, step);
    }

    /// The cached rows of every sequence: latents and rope keys.
    record Rows(Tensor latent, Tensor ropeKey, int live) {}

    /// Reads rows `from` to `to - 1` of every sequence back.
    Rows gather(SequenceBatch batch, int from, int to, CachePool cache) {
        int live = batch.sequences() * (to - from);
        Rows rows =
                new Rows(
                        bench.unfilled(live, shape.latent()),
                        bench.unfilled(live, shape.rope()),
                        live);
        bench.run(
                CacheGather.of(bench.bound(live), cache.format(), bench.storage()),
                CacheGather.Args.of(
                                cache,
                                bench.intRows(batch.slots(from, to), live, -1),
                                rows.latent(),
                                rows.ropeKey())
                        .withActiveRows(bench.active(live)));
        return rows;
    }

    private Tensor queries(Tensor x, SequenceBatch.Step step) {
        Tensor input = x;
        Tensor norm = weights.queryNorm();
        if (weights.queryA() != null && norm != null) {
            Tensor latent = linear(x, weights.queryA(), step.live(), step.active());
            input = bench.unfilled(step.live(), shape.queryRank());
            norm(latent, norm, input, step);
        }
        Tensor flat = linear(input, weights.query(), step.live(), step.active());
        return flat.reshape(flat.dim(0), shape.heads(), shape.queryWidth());
    }

    private Rows append(Tensor x, SequenceBatch.Step step, CachePool cache) {
        Tensor both = linear(x, weights.latentAndKey(), step.live(), step.active());
        Tensor latent = bench.unfilled(step.live(), shape.latent());
        norm(both.slice(1, 0, shape.latent()), weights.latentNorm(), latent, step);
        Tensor ropeKey = bench.unfilled(step.live(), 1, shape.rope());
        rope(both.slice(1, shape.latent(), shape.cacheWidth()).unsqueeze(1), ropeKey, step);
        Tensor flatKey = ropeKey.reshape(ropeKey.dim(0), shape.rope());
        bench.run(
                CacheAppend.of(bench.bound(step.live()), cache.format(), bench.storage()),
                CacheAppend.Args.of(latent, flatKey, step.slots(), cache)
                        .withActiveRows(step.active()));
        return new Rows(latent, flatKey, step.live());
    }

    /// @param keysEach keys of each sequence
    private void attend(
            SequenceBatch.Step step,
            Tensor query,
            Rows keys,
            int keysEach,
            boolean causal,
            Tensor out,
            @Nullable Tensor logSumExp) {
        int sequences = step.batch().sequences();
        Tensor up =
                linear(
                        keys.latent(),
                        weights.keyAndValue(),
                        keys.live(),
                        bench.active(keys.live()));
        Tensor perHead = up.reshape(up.dim(0), shape.heads(), shape.nope() + shape.value());
        Tensor largest = bench.unfilledPlain(DType.F32, shape.heads());
        MlaPrefill spec =
                MlaPrefill.of(
                                bench.bound(step.live()),
                                bench.bound(sequences),
                                shape.heads(),
                                shape.nope(),
                                shape.rope(),
                                shape.value(),
                                bench.storage())
                        .withMaxKeys(bench.bound(keys.live()))
                        .withSoftmaxScale(softmaxScale)
                        .withCausal(causal);
        bench.run(
                spec,
                MlaPrefill.Args.of(
                                query,
                                perHead.slice(2, 0, shape.nope()),
                                keys.ropeKey(),
                                perHead.slice(2, shape.nope(), shape.nope() + shape.value()),
                                starts(sequences, step.count()),
                                starts(sequences, keysEach),
                                out)
                        .withLogSumExp(logSumExp)
                        .withMaxLogit(largest));
        count(largest);
    }

    /// The starts of sequences of `each` rows, and their end; a bounded run has an empty sequence
    /// behind them.
    private Tensor starts(int sequences, int each) {
        return bench.ints(
                IntStream.rangeClosed(0, bench.isBounded() ? sequences + 1 : sequences)
                        .map(s -> Math.min(s, sequences) * each)
                        .toArray());
    }

    /// Earlier tokens without a mask, the new ones with one, merged by their log-sum-exps.
    private void inTwoPieces(
            SequenceBatch.Step step, Tensor query, Rows own, CachePool cache, Tensor out) {
        int rows = Math.toIntExact(out.dim(0));
        Tensor partial =
                bench.unfilledPlain(bench.storage(), 2, rows, shape.heads(), shape.value());
        Tensor lse = bench.unfilledPlain(DType.F32, 2, rows, shape.heads());
        Rows earlier = gather(step.batch(), 0, step.from(), cache);
        attend(step, query, earlier, step.from(), false, partial.get(0), lse.get(0));
        attend(step, query, own, step.count(), true, partial.get(1), lse.get(1));
        bench.run(
                AttentionMerge.of(
                        bench.bound(step.live()), shape.heads(), shape.value(), 2, bench.storage()),
                AttentionMerge.Args.of(partial, lse, out).withActiveRows(step.active()));
    }

    private void decode(SequenceBatch.Step step, Tensor query, CachePool cache, Tensor out) {
        int live = step.live();
        int[] lengths = new int[live];
        Arrays.fill(lengths, step.to());
        Tensor lengthTensor = bench.intRows(lengths, live, 0);
        Tensor largest = bench.unfilledPlain(DType.F32, shape.heads());
        MlaDecode spec =
                MlaDecode.of(
                        bench.bound(live),
                        shape.heads(),
                        softmaxScale,
                        cache.format(),
                        step.batch().pagesEach(),
                        bench.storage());
        MlaDecode.Args args =
                MlaDecode.Args.of(
                                query, cache, step.batch().blockTable(step.to()), lengthTensor, out)
                        .withMaxLogit(largest)
                        .withActiveRows(step.active());
        if (bench.isBounded()) {
            spec = spec.withSplitRows(SPLIT_ROWS);
            Tensor splits = bench.unfilledPlain(DType.I32, lengthTensor.dim(0) + 1);
            bench.run(MlaSchedule.of(spec), MlaSchedule.Args.of(lengthTensor, splits));
            args = args.withSchedule(splits);
        }
        bench.run(spec, args);
        count(largest);
    }

    private void count(Tensor largest) {
        double[] logits = bench.read(largest);
        for (int head = 0; head < logits.length; head++) {
            maxLogit[head] =
                    Double.isNaN(logits[head])
                            ? Double.NaN
                            : Math.max(maxLogit[head], logits[head]);
        }
    }

    private Tensor output(Tensor heads, SequenceBatch.Step step) {
        Tensor flat = heads.reshape(heads.dim(0), (long) shape.heads() * shape.value());
        return linear(flat, weights.output(), step.live(), step.active());
    }

    private Tensor linear(Tensor x, Operand weight, int live, @Nullable Tensor active) {
        return Linears.apply(bench, x, weight, live, active);
    }

    private void norm(Tensor x, Tensor weight, Tensor out, SequenceBatch.Step step) {
        int width = Math.toIntExact(x.dim(1));
        bench.run(
                RmsNorm.of(bench.bound(step.live()), width, bench.storage(), epsilon),
                new RmsNorm.Args(x, weight, out, null, step.active()));
    }

    private void rope(Tensor x, Tensor out, SequenceBatch.Step step) {
        bench.run(
                Rope.of(
                        bench.bound(step.live()),
                        Math.toIntExact(x.dim(1)),
                        shape.rope(),
                        frequencies,
                        bench.storage()),
                Rope.Args.of(x, step.positions(), out).withActiveRows(step.active()));
    }
}

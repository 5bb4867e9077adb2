package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Attention in the absorbed form over a paged latent cache: all heads share one key, the cache
/// row, and one value, its latent part.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `query` | `query [B * q, heads, latentDim + ropeDim]` | latent part, `W_UKᵀ · q_nope`, first |
/// | `cache` | pages of the format `cache` | holds the rows of the new tokens too |
/// | `blockTable` | `I32 [B, maxPagesPerSequence]` | pages; entries beyond a length are not looked at |
/// | `lengths` | `I32 [B]` | cache rows of each sequence, the new ones included; 0 is legal |
/// | `splitStart` | `I32 [B + 1]` | optional, from [MlaSchedule]; never changes a result |
/// | `sink` | `F32 [heads]` | exactly when `sink` |
/// | `out` | `out [B * q, heads, latentDim]` | to be multiplied by `W_UV` |
/// | `logSumExp` | `F32 [B * q, heads]` | optional; natural logarithm, without the sink |
/// | `maxLogit` | `F32 [heads]` | optional; the largest `z` over all visible pairs, minus infinity if there is none |
/// | `activeRows` | `I32 [1]` | optional; bounds the sequences |
///
/// B is up to `maxSequences` and q is `queriesPerSequence`. A schedule is that of the same
/// `lengths` and `splitRows`.
///
/// ```
/// z_j = softmaxScale · query · row_j
/// out = Σ_j softmax(z)_j · latent_j
/// ```
///
/// accumulated in `accumulate`. Query i of a sequence sees the rows `j <= length - q + i`; one that
/// sees no row gets a zero output and a log-sum-exp of plus infinity. A sink is a logit that takes
/// part in the softmax and has no value.
///
/// *Splits.* A sequence is cut into runs of `splitRows` rows, whose partial results are merged in
/// ascending order as [AttentionMerge] does, so where it is cut depends on its own length alone.
/// With `batchInvariant`, a sequence's result is bit for bit the same whatever else is in the batch
/// and whatever the bounds of the plan are.
///
/// *Errors.* Rows of a page outside the pool count as not there and raise the fault word, as does a
/// length that is negative (it counts as 0) or longer than the block table (it is cut).
///
/// Source: DeepSeek-V3 `inference/model.py` (MLA, attn_impl absorb); FlashMLA (paging, log-sum-exp,
/// sink, combine).
///
/// @param maxSequences upper bound of the number of sequences
/// @param queriesPerSequence new tokens a sequence; above 1 for speculative decoding
/// @param heads heads a query
/// @param latentDim values of the latent part, as in `cache`
/// @param ropeDim values of the rope part, as in `cache`
/// @param softmaxScale multiplies every logit: `(nopeDim + ropeDim)^-0.5` of the naive form, the
///   YaRN factor included
/// @param cache format of the pool
/// @param maxPagesPerSequence columns of the block table
/// @param splitRows cache rows a split
/// @param sink whether a sink is given
/// @param query element type of the queries
/// @param out element type of the result
/// @param accumulate type of sums and of the softmax, F32 or F64
/// @param batchInvariant whether a sequence's result may not depend on the rest of the batch
/// @param hostLengths whether `lengths`, `blockTable` and `activeRows` are tensors of step inputs,
///   or leading rows of them, so that the host knows what they hold; never changes a result, but
///   lets a device use operators that take lengths from the host. A device that does so refuses
///   other tensors when it binds
public record MlaDecode(
        int maxSequences,
        int queriesPerSequence,
        int heads,
        int latentDim,
        int ropeDim,
        double softmaxScale,
        CacheFormat cache,
        int maxPagesPerSequence,
        int splitRows,
        boolean sink,
        DType query,
        DType out,
        DType accumulate,
        boolean batchInvariant,
        boolean hostLengths)
        implements KernelSpec<MlaDecode.Args> {
    /// Cache rows a split unless somebody asks for another number.
    public static final int DEFAULT_SPLIT_ROWS = 512;

    /// Operands, as tabled at [MlaDecode].
    public record Args(
            Tensor query,
            CachePool cache,
            Tensor blockTable,
            Tensor lengths,
            @Nullable Tensor splitStart,
            @Nullable Tensor sink,
            Tensor out,
            @Nullable Tensor logSumExp,
            @Nullable Tensor maxLogit,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(query, "query");
            Objects.requireNonNull(cache, "cache");
            Objects.requireNonNull(blockTable, "blockTable");
            Objects.requireNonNull(lengths, "lengths");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands that every decode has}
        public static Args of(
                Tensor query, CachePool cache, Tensor blockTable, Tensor lengths, Tensor out) {
            return new Args(query, cache, blockTable, lengths, null, null, out, null, null, null);
        }

        /// {@return these with the schedule of the step}
        public Args withSchedule(@Nullable Tensor splits) {
            return new Args(
                    query,
                    cache,
                    blockTable,
                    lengths,
                    splits,
                    sink,
                    out,
                    logSumExp,
                    maxLogit,
                    activeRows);
        }

        /// {@return these with a sink}
        public Args withSink(@Nullable Tensor logits) {
            return new Args(
                    query,
                    cache,
                    blockTable,
                    lengths,
                    splitStart,
                    logits,
                    out,
                    logSumExp,
                    maxLogit,
                    activeRows);
        }

        /// {@return these with room for the log-sum-exp}
        public Args withLogSumExp(@Nullable Tensor lse) {
            return new Args(
                    query,
                    cache,
                    blockTable,
                    lengths,
                    splitStart,
                    sink,
                    out,
                    lse,
                    maxLogit,
                    activeRows);
        }

        /// {@return these with room for the largest logit of each head}
        public Args withMaxLogit(@Nullable Tensor largest) {
            return new Args(
                    query,
                    cache,
                    blockTable,
                    lengths,
                    splitStart,
                    sink,
                    out,
                    logSumExp,
                    largest,
                    activeRows);
        }

        /// {@return these with the number of live sequences}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(
                    query,
                    cache,
                    blockTable,
                    lengths,
                    splitStart,
                    sink,
                    out,
                    logSumExp,
                    maxLogit,
                    count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("query", query)
                    .read("cache", cache)
                    .read("blockTable", blockTable)
                    .read("lengths", lengths)
                    .read("splitStart", splitStart)
                    .read("sink", sink)
                    .write("out", out)
                    .write("logSumExp", logSumExp)
                    .write("maxLogit", maxLogit)
                    .read("activeRows", activeRows);
        }
    }

    public MlaDecode {
        Require.between("maxSequences", maxSequences, 1, Integer.MAX_VALUE - 1);
        Require.positive("queriesPerSequence", queriesPerSequence);
        Require.positive("heads", heads);
        Objects.requireNonNull(cache, "cache");
        Require.that(
                latentDim == cache.latentDim(),
                "latentDim must be that of the cache, " + cache.latentDim() + ", not " + latentDim);
        Require.that(
                ropeDim == cache.ropeDim(),
                "ropeDim must be that of the cache, " + cache.ropeDim() + ", not " + ropeDim);
        Require.positive("softmaxScale", softmaxScale);
        Require.positive("maxPagesPerSequence", maxPagesPerSequence);
        Require.that(
                (long) maxPagesPerSequence * cache.rowsPerPage() <= Integer.MAX_VALUE,
                "maxPagesPerSequence is "
                        + maxPagesPerSequence
                        + ", but pages of "
                        + cache.rowsPerPage()
                        + " rows then hold more rows than an I32 length counts");
        Require.positive("splitRows", splitRows);
        Require.activation("query", query);
        Require.activation("out", out);
        Require.oneOf("accumulate", accumulate, DType.F32, DType.F64);
    }

    /// {@return a decode step of one token a sequence, without sink: the default split,
    /// accumulation in F32 (F64 for F64)}
    ///
    /// @param softmaxScale `(nopeDim + ropeDim)^-0.5` of the naive form, times
    ///   [RotaryFrequencies#softmaxFactor()]
    public static MlaDecode of(
            int maxSequences,
            int heads,
            double softmaxScale,
            CacheFormat cache,
            int maxPagesPerSequence,
            DType dtype) {
        return new MlaDecode(
                maxSequences,
                1,
                heads,
                cache.latentDim(),
                cache.ropeDim(),
                softmaxScale,
                cache,
                maxPagesPerSequence,
                DEFAULT_SPLIT_ROWS,
                false,
                dtype,
                dtype,
                dtype == DType.F64 ? DType.F64 : DType.F32,
                false,
                false);
    }

    /// {@return this step with several new tokens a sequence}
    public MlaDecode withQueriesPerSequence(int queries) {
        return new MlaDecode(
                maxSequences,
                queries,
                heads,
                latentDim,
                ropeDim,
                softmaxScale,
                cache,
                maxPagesPerSequence,
                splitRows,
                sink,
                query,
                out,
                accumulate,
                batchInvariant,
                hostLengths);
    }

    /// {@return this step with splits of another length}
    public MlaDecode withSplitRows(int rows) {
        return new MlaDecode(
                maxSequences,
                queriesPerSequence,
                heads,
                latentDim,
                ropeDim,
                softmaxScale,
                cache,
                maxPagesPerSequence,
                rows,
                sink,
                query,
                out,
                accumulate,
                batchInvariant,
                hostLengths);
    }

    /// {@return this step with or without a sink}
    public MlaDecode withSink(boolean given) {
        return new MlaDecode(
                maxSequences,
                queriesPerSequence,
                heads,
                latentDim,
                ropeDim,
                softmaxScale,
                cache,
                maxPagesPerSequence,
                splitRows,
                given,
                query,
                out,
                accumulate,
                batchInvariant,
                hostLengths);
    }

    /// {@return this step with other element types}
    public MlaDecode withTypes(DType queries, DType result, DType sums) {
        return new MlaDecode(
                maxSequences,
                queriesPerSequence,
                heads,
                latentDim,
                ropeDim,
                softmaxScale,
                cache,
                maxPagesPerSequence,
                splitRows,
                sink,
                queries,
                result,
                sums,
                batchInvariant,
                hostLengths);
    }

    /// {@return this step with or without the promise of batch invariance}
    public MlaDecode withBatchInvariant(boolean promised) {
        return new MlaDecode(
                maxSequences,
                queriesPerSequence,
                heads,
                latentDim,
                ropeDim,
                softmaxScale,
                cache,
                maxPagesPerSequence,
                splitRows,
                sink,
                query,
                out,
                accumulate,
                promised,
                hostLengths);
    }

    /// {@return this step with lengths and pages that the host knows, or not}
    public MlaDecode withHostLengths(boolean known) {
        return new MlaDecode(
                maxSequences,
                queriesPerSequence,
                heads,
                latentDim,
                ropeDim,
                softmaxScale,
                cache,
                maxPagesPerSequence,
                splitRows,
                sink,
                query,
                out,
                accumulate,
                batchInvariant,
                known);
    }

    /// {@return the rows that a block table can hold for one sequence}
    public int maxLength() {
        return maxPagesPerSequence * cache.rowsPerPage();
    }

    @Override
    public void validate(Args args) {
        long sequences = Require.rows("lengths", args.lengths, DType.I32, maxSequences);
        long queries = sequences * queriesPerSequence;
        Require.tensor("query", args.query, query, queries, heads, cache.rowDim());
        CacheFormats.require("cache", args.cache, cache);
        Require.tensor("blockTable", args.blockTable, DType.I32, sequences, maxPagesPerSequence);
        Require.optional("splitStart", args.splitStart, DType.I32, sequences + 1);
        Require.given("sink", args.sink, sink);
        Require.optional("sink", args.sink, DType.F32, heads);
        Require.tensor("out", args.out, out, queries, heads, latentDim);
        Require.optional("logSumExp", args.logSumExp, DType.F32, queries, heads);
        Require.optional("maxLogit", args.maxLogit, DType.F32, heads);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    /// {@return the cost of full block tables; how long each sequence is, only the device knows}
    @Override
    public Cost cost() {
        return cost(maxSequences, maxLength());
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.lengths.dim(0), maxLength());
    }

    /// {@return the cost of `sequences` sequences of `length` cache rows each}
    public Cost cost(double sequences, double length) {
        double queries = sequences * queriesPerSequence;
        double rows = sequences * length;
        double flops = 2 * queries * heads * length * (cache.rowDim() + (double) latentDim);
        double bytes =
                queries * heads * (query.bytes(cache.rowDim()) + (double) out.bytes(latentDim))
                        + rows * CacheFormats.bytesPerRow(cache)
                        + sequences * 4 * (1 + Math.ceil(length / cache.rowsPerPage()))
                        + (sink ? 4.0 * heads : 0);
        return new Cost(flops, bytes);
    }
}

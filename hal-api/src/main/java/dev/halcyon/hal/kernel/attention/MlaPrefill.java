package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Attention in the naive form, over keys and values that were projected up from the latent: for
/// prefill and training.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `query` | `in [T, heads, nopeDim + ropeDim]` | nope part first; T up to `maxTokens` |
/// | `key` | `in [S, heads, nopeDim]` | S up to `maxKeys`; with `value` often two slices of one projection |
/// | `ropeKey` | `in [S, ropeDim]` | rotated, shared by all heads |
/// | `value` | `in [S, heads, valueDim]` | |
/// | `queryStart`, `keyStart` | `I32 [B + 1]` | first row of each sequence and the end of the last, not descending |
/// | `sink` | `F32 [heads]` | exactly when `sink`: a logit that takes part in the softmax and has no value |
/// | `out` | `out [T, heads, valueDim]` | |
/// | `logSumExp` | `F32 [T, heads]` | optional; natural logarithm, without the sink |
/// | `maxLogit` | `F32 [heads]` | optional; the largest `z` over all visible pairs, minus infinity if there is none |
///
/// ```
/// z_j = softmaxScale · (query_nope · key_j + query_rope · ropeKey_j)
/// out = Σ_j softmax(z)_j · value_j
/// ```
///
/// accumulated in F32 (F64 if `in` is F64). A query sees the keys of its own sequence; with
/// `causal`, aligned at the bottom right: query i of n sees keys `j <= i + (m - n)` of m. A query
/// that sees no key gets a zero output and a log-sum-exp of plus infinity. Queries and keys of no
/// sequence are not looked at, and such a query's output is unspecified. A sequence that lies
/// outside the rows is skipped and raises the fault word.
///
/// Source: DeepSeek-V3 `inference/model.py` (MLA, attn_impl naive); sink and log-sum-exp
/// conventions of FlashMLA.
///
/// @param maxTokens upper bound of the number of queries
/// @param maxKeys upper bound of the number of keys
/// @param maxSequences upper bound of the number of sequences
/// @param heads heads a query
/// @param nopeDim values of a head's unrotated part
/// @param ropeDim values of a head's rotated part; 0 where there is none
/// @param valueDim values of a head's value
/// @param softmaxScale multiplies every logit, the YaRN factor included
/// @param causal whether a query sees no later key
/// @param sink whether a sink is given
/// @param in element type of queries, keys and values
/// @param out element type of the result
/// @param hostStarts whether `queryStart` and `keyStart` are tensors of step inputs, so that the
///   host knows what they hold; never changes a result, but lets a device use operators that take
///   lengths from the host. A device that does so refuses other tensors when it binds
public record MlaPrefill(
        int maxTokens,
        int maxKeys,
        int maxSequences,
        int heads,
        int nopeDim,
        int ropeDim,
        int valueDim,
        double softmaxScale,
        boolean causal,
        boolean sink,
        DType in,
        DType out,
        boolean hostStarts)
        implements KernelSpec<MlaPrefill.Args> {
    /// Operands, as tabled at [MlaPrefill].
    public record Args(
            Tensor query,
            Tensor key,
            Tensor ropeKey,
            Tensor value,
            Tensor queryStart,
            Tensor keyStart,
            @Nullable Tensor sink,
            Tensor out,
            @Nullable Tensor logSumExp,
            @Nullable Tensor maxLogit)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(query, "query");
            Objects.requireNonNull(key, "key");
            Objects.requireNonNull(ropeKey, "ropeKey");
            Objects.requireNonNull(value, "value");
            Objects.requireNonNull(queryStart, "queryStart");
            Objects.requireNonNull(keyStart, "keyStart");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands of attention without sink}
        public static Args of(
                Tensor query,
                Tensor key,
                Tensor ropeKey,
                Tensor value,
                Tensor queryStart,
                Tensor keyStart,
                Tensor out) {
            return new Args(
                    query, key, ropeKey, value, queryStart, keyStart, null, out, null, null);
        }

        /// {@return these with a sink}
        public Args withSink(@Nullable Tensor logits) {
            return new Args(
                    query,
                    key,
                    ropeKey,
                    value,
                    queryStart,
                    keyStart,
                    logits,
                    out,
                    logSumExp,
                    maxLogit);
        }

        /// {@return these with room for the log-sum-exp}
        public Args withLogSumExp(@Nullable Tensor lse) {
            return new Args(
                    query, key, ropeKey, value, queryStart, keyStart, sink, out, lse, maxLogit);
        }

        /// {@return these with room for the largest logit of each head}
        public Args withMaxLogit(@Nullable Tensor largest) {
            return new Args(
                    query,
                    key,
                    ropeKey,
                    value,
                    queryStart,
                    keyStart,
                    sink,
                    out,
                    logSumExp,
                    largest);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("query", query)
                    .read("key", key)
                    .read("ropeKey", ropeKey)
                    .read("value", value)
                    .read("queryStart", queryStart)
                    .read("keyStart", keyStart)
                    .read("sink", sink)
                    .write("out", out)
                    .write("logSumExp", logSumExp)
                    .write("maxLogit", maxLogit);
        }
    }

    public MlaPrefill {
        Require.positive("maxTokens", maxTokens);
        Require.positive("maxKeys", maxKeys);
        Require.between("maxSequences", maxSequences, 1, Integer.MAX_VALUE - 1);
        Require.positive("heads", heads);
        Require.positive("nopeDim", nopeDim);
        Require.notNegative("ropeDim", ropeDim);
        Require.positive("valueDim", valueDim);
        Require.positive("softmaxScale", softmaxScale);
        Require.activation("in", in);
        Require.activation("out", out);
    }

    /// {@return causal attention of a prompt over itself, without sink, scaled by the key's length}
    ///
    /// The scale is `(nopeDim + ropeDim)^-0.5`.
    public static MlaPrefill of(
            int maxTokens,
            int maxSequences,
            int heads,
            int nopeDim,
            int ropeDim,
            int valueDim,
            DType dtype) {
        double scale = 1 / Math.sqrt((double) nopeDim + ropeDim);
        return new MlaPrefill(
                maxTokens,
                maxTokens,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                scale,
                true,
                false,
                dtype,
                dtype,
                false);
    }

    /// {@return this attention over up to `keys` keys}
    public MlaPrefill withMaxKeys(int keys) {
        return new MlaPrefill(
                maxTokens,
                keys,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                softmaxScale,
                causal,
                sink,
                in,
                out,
                hostStarts);
    }

    /// {@return this attention with another scale; with YaRN, `(nopeDim + ropeDim)^-0.5` times
    /// [RotaryFrequencies#softmaxFactor()]}
    public MlaPrefill withSoftmaxScale(double scale) {
        return new MlaPrefill(
                maxTokens,
                maxKeys,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                scale,
                causal,
                sink,
                in,
                out,
                hostStarts);
    }

    /// {@return this attention with or without a causal mask}
    public MlaPrefill withCausal(boolean masked) {
        return new MlaPrefill(
                maxTokens,
                maxKeys,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                softmaxScale,
                masked,
                sink,
                in,
                out,
                hostStarts);
    }

    /// {@return this attention with or without a sink}
    public MlaPrefill withSink(boolean given) {
        return new MlaPrefill(
                maxTokens,
                maxKeys,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                softmaxScale,
                causal,
                given,
                in,
                out,
                hostStarts);
    }

    /// {@return this attention with other element types}
    public MlaPrefill withTypes(DType from, DType to) {
        return new MlaPrefill(
                maxTokens,
                maxKeys,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                softmaxScale,
                causal,
                sink,
                from,
                to,
                hostStarts);
    }

    /// {@return this attention with sequences that the host knows, or not}
    public MlaPrefill withHostStarts(boolean known) {
        return new MlaPrefill(
                maxTokens,
                maxKeys,
                maxSequences,
                heads,
                nopeDim,
                ropeDim,
                valueDim,
                softmaxScale,
                causal,
                sink,
                in,
                out,
                known);
    }

    @Override
    public void validate(Args args) {
        long tokens =
                Require.rows("query", args.query, in, maxTokens, heads, nopeDim + (long) ropeDim);
        long keys = Require.rows("key", args.key, in, maxKeys, heads, nopeDim);
        Require.tensor("ropeKey", args.ropeKey, in, keys, ropeDim);
        Require.tensor("value", args.value, in, keys, heads, valueDim);
        long entries = Require.rows("queryStart", args.queryStart, DType.I32, maxSequences + 1L);
        Require.that(
                entries >= 1,
                "queryStart must have one entry more than there are sequences, not " + entries);
        Require.tensor("keyStart", args.keyStart, DType.I32, entries);
        Require.given("sink", args.sink, sink);
        Require.optional("sink", args.sink, DType.F32, heads);
        Require.tensor("out", args.out, out, tokens, heads, valueDim);
        Require.optional("logSumExp", args.logSumExp, DType.F32, tokens, heads);
        Require.optional("maxLogit", args.maxLogit, DType.F32, heads);
    }

    /// {@return the cost of one sequence that fills both bounds}
    @Override
    public Cost cost() {
        return cost(maxTokens, maxKeys, 1, false);
    }

    /// {@return the cost if all sequences are equally long; how long each one is, only the device
    /// knows}
    @Override
    public Cost cost(Args args) {
        double sequences = Math.max(1, args.queryStart.dim(0) - 1);
        return cost(args.query.dim(0), args.key.dim(0), sequences, args.logSumExp != null);
    }

    private Cost cost(double tokens, double keys, double sequences, boolean withLse) {
        double n = tokens / sequences;
        double m = keys / sequences;
        double queries = Math.min(n, m);
        double pairs = sequences * (causal ? queries * (2 * m - queries + 1) / 2 : n * m);
        double macs = nopeDim + (double) ropeDim + valueDim;
        double bytes =
                tokens
                                * heads
                                * (in.bytes(nopeDim + (long) ropeDim)
                                        + out.bytes(valueDim)
                                        + (withLse ? 4.0 : 0))
                        + keys
                                * (heads * (double) in.bytes(nopeDim + (long) valueDim)
                                        + in.bytes(ropeDim))
                        + 8 * (sequences + 1)
                        + (sink ? 4.0 * heads : 0);
        return new Cost(2 * heads * pairs * macs, bytes);
    }
}

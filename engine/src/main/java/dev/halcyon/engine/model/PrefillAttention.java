package dev.halcyon.engine.model;

import dev.halcyon.engine.weights.AttentionWeights;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;

/// Attention of a piece of one prompt over itself and over what of the sequence is cached before
/// it, in the naive form: keys and values are projected up from latents.
///
/// Earlier context is read back from the cache in runs, each attended to without a mask and merged
/// by log-sum-exp into what the runs before it gave, so memory depends on the length of a run and
/// not on that of the context. Source: DeepSeek-V3 inference/model.py, MLA with attn_impl naive.
///
/// @param start the one sequence of the piece, I32 `[2]` of a step input
/// @param keyAndValue projections of a run, room for the longest, `[keys, heads, nope + value]`
/// @param earlier what is cached before the piece, or null
public record PrefillAttention(Tensor start, Tensor keyAndValue, @Nullable Earlier earlier)
        implements Decoder.Attention {
    /// The partial results: what is merged so far, the run at hand, and room for their merger. The
    /// run at hand is in the middle, so that it lies beside the sum so far, whichever end that is
    /// at.
    private static final int PARTIALS = 3;

    private static final int AT_HAND = 1;

    /// One run of cached keys.
    ///
    /// @param slots cache slots, I32 `[keys]`
    /// @param start the one sequence of keys, I32 `[2]` of a step input
    public record Run(Tensor slots, Tensor start) {
        private int keys() {
            return Math.toIntExact(slots.dim(0));
        }
    }

    /// The context before a piece.
    ///
    /// @param runs its runs, oldest first
    /// @param latent latents of a run, room for the longest, `[keys, latent]`
    /// @param ropeKey its rotated keys, `[keys, rope]`
    /// @param partial attention over runs, F32 `[3, rows, heads, value]`
    /// @param partialLse its log-sum-exp, F32 `[3, rows, heads]`
    public record Earlier(
            List<Run> runs, Tensor latent, Tensor ropeKey, Tensor partial, Tensor partialLse) {
        public Earlier {
            runs = List.copyOf(runs);
        }
    }

    /// {@return attention of `rows` tokens over themselves and over `runs` before them, with
    /// scratch memory of `arena`}
    public static PrefillAttention allocate(
            DeviceArena arena, ModelDims dims, int rows, Tensor start, List<Run> runs) {
        var attention = dims.config().attention();
        DType type = dims.activation();
        int longest = runs.stream().mapToInt(Run::keys).max().orElse(0);
        long projected = (long) attention.nopeDim() + attention.valueDim();
        Tensor keyAndValue =
                arena.tensor(type, Math.max(rows, longest), attention.heads(), projected);
        if (runs.isEmpty()) {
            return new PrefillAttention(start, keyAndValue, null);
        }
        return new PrefillAttention(
                start,
                keyAndValue,
                new Earlier(
                        runs,
                        arena.tensor(type, longest, attention.latentDim()),
                        arena.tensor(type, longest, attention.ropeDim()),
                        arena.tensor(
                                DType.F32, PARTIALS, rows, attention.heads(), attention.valueDim()),
                        arena.tensor(DType.F32, PARTIALS, rows, attention.heads())));
    }

    @Override
    public void add(
            LaunchSink sink,
            ModelDims dims,
            AttentionWeights weights,
            Activations x,
            CachePool cache) {
        var attention = dims.config().attention();
        Tensor rotated = x.query().slice(2, attention.nopeDim(), attention.queryDim());
        AttentionInputs.rope(sink, dims, rotated, x.positions(), rotated, null);
        Tensor ropeKey = x.ropeKey().reshape(x.rows(), attention.ropeDim());
        if (earlier == null) {
            addKeys(
                    sink,
                    dims,
                    weights,
                    x,
                    new Keys(x.latent(), ropeKey, start, true),
                    x.heads(),
                    null);
            return;
        }
        Tensor partial = earlier.partial();
        Tensor lse = earlier.partialLse();
        int merged = 0;
        for (int i = 0; i < earlier.runs().size(); i++) {
            Keys keys = gathered(sink, dims, earlier, earlier.runs().get(i), cache);
            int at = i == 0 ? merged : AT_HAND;
            addKeys(sink, dims, weights, x, keys, partial.get(at), lse.get(at));
            if (i > 0) {
                int next = PARTIALS - 1 - merged;
                addMerge(sink, dims, x, merged, partial.get(next), lse.get(next));
                merged = next;
            }
        }
        Keys own = new Keys(x.latent(), ropeKey, start, true);
        addKeys(sink, dims, weights, x, own, partial.get(AT_HAND), lse.get(AT_HAND));
        addMerge(sink, dims, x, merged, x.heads(), null);
    }

    /// @param latent `[keys, latent]`
    /// @param ropeKey `[keys, rope]`
    /// @param start the one sequence of keys
    /// @param own whether these are the keys of the piece itself, of which a query sees none after
    ///   it
    private record Keys(Tensor latent, Tensor ropeKey, Tensor start, boolean own) {}

    private static Keys gathered(
            LaunchSink sink, ModelDims dims, Earlier earlier, Run run, CachePool cache) {
        int keys = run.keys();
        Tensor latent = earlier.latent().slice(0, 0, keys);
        Tensor ropeKey = earlier.ropeKey().slice(0, 0, keys);
        sink.add(
                CacheGather.of(ModelDims.bound(keys), cache.format(), dims.activation()),
                CacheGather.Args.of(cache, run.slots(), latent, ropeKey));
        return new Keys(latent, ropeKey, run.start(), false);
    }

    private void addKeys(
            LaunchSink sink,
            ModelDims dims,
            AttentionWeights weights,
            Activations x,
            Keys keys,
            Tensor out,
            @Nullable Tensor lse) {
        var attention = dims.config().attention();
        int count = Math.toIntExact(keys.latent().dim(0));
        int projected = attention.nopeDim() + attention.valueDim();
        Tensor both = keyAndValue.slice(0, 0, count);
        Linear.add(
                sink,
                dims,
                keys.latent(),
                weights.keyAndValue(),
                both.reshape(count, (long) attention.heads() * projected),
                null);
        MlaPrefill prefill =
                MlaPrefill.of(
                                x.bound(),
                                1,
                                attention.heads(),
                                attention.nopeDim(),
                                attention.ropeDim(),
                                attention.valueDim(),
                                dims.activation())
                        .withMaxKeys(ModelDims.bound(count))
                        .withSoftmaxScale(dims.config().softmaxScale())
                        .withCausal(keys.own())
                        .withTypes(dims.activation(), out.dtype())
                        .withHostStarts(true);
        sink.add(
                prefill,
                MlaPrefill.Args.of(
                                x.query(),
                                both.slice(2, 0, attention.nopeDim()),
                                keys.ropeKey(),
                                both.slice(2, attention.nopeDim(), projected),
                                start,
                                keys.start(),
                                out)
                        .withLogSumExp(lse));
    }

    /// Merges the run at hand with what was merged before it.
    private void addMerge(
            LaunchSink sink,
            ModelDims dims,
            Activations x,
            int merged,
            Tensor out,
            @Nullable Tensor lse) {
        var attention = dims.config().attention();
        Earlier context = Objects.requireNonNull(earlier);
        int from = Math.min(merged, AT_HAND);
        AttentionMerge merge =
                AttentionMerge.of(x.bound(), attention.heads(), attention.valueDim(), 2, DType.F32)
                        .withTypes(DType.F32, out.dtype());
        sink.add(
                merge,
                AttentionMerge.Args.of(
                                context.partial().slice(0, from, from + 2L),
                                context.partialLse().slice(0, from, from + 2L),
                                out)
                        .withLogSumExp(lse));
    }
}

package dev.halcyon.engine.model;

import dev.halcyon.engine.weights.AttentionWeights;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Attention of a piece of one prompt over itself and over what of the sequence is cached before it, in the naive
/// form: keys and values are projected up from latents.
///
/// Earlier context is read back from the cache in pieces, each attended to without a mask; the pieces are merged by
/// their log-sum-exps. Source: DeepSeek-V3 inference/model.py, MLA with attn_impl naive.
///
/// @param pieces runs of keys, the piece itself last
/// @param queryStart the one sequence of queries, I32 `[2]`
/// @param partial attention over each run, or null if there is one run
/// @param partialLse its log-sum-exp, or null
public record PrefillAttention(
        List<KeyRun> pieces, Tensor queryStart, @Nullable Tensor partial, @Nullable Tensor partialLse)
        implements Decoder.Attention {
    /// One run of keys.
    ///
    /// @param slots cache slots to read latents from, or null for the new tokens themselves
    /// @param latent latents `[keys, latent]`, or null for the new tokens themselves
    /// @param ropeKey rotated keys `[keys, rope]`, or null
    /// @param keyAndValue their projection `[keys, heads, nope + value]`
    /// @param keyStart the one sequence of keys, I32 `[2]`
    public record KeyRun(
            @Nullable Tensor slots,
            @Nullable Tensor latent,
            @Nullable Tensor ropeKey,
            Tensor keyAndValue,
            Tensor keyStart) {
        /// {@return room for the keys of `keys` cached tokens}
        public static KeyRun cached(DeviceArena arena, ModelDims dims, Tensor slots, Tensor keyStart) {
            var attention = dims.config().attention();
            long keys = slots.dim(0);
            return new KeyRun(
                    slots,
                    arena.tensor(dims.activation(), keys, attention.latentDim()),
                    arena.tensor(dims.activation(), keys, attention.ropeDim()),
                    projected(arena, dims, keys),
                    keyStart);
        }

        /// {@return room for the keys of the new tokens}
        public static KeyRun own(DeviceArena arena, ModelDims dims, long tokens, Tensor keyStart) {
            return new KeyRun(null, null, null, projected(arena, dims, tokens), keyStart);
        }

        private static Tensor projected(DeviceArena arena, ModelDims dims, long keys) {
            var attention = dims.config().attention();
            return arena.tensor(
                    dims.activation(), keys, attention.heads(), attention.nopeDim() + attention.valueDim());
        }
    }

    @Override
    public void add(LaunchSink sink, ModelDims dims, AttentionWeights weights, Activations x, CachePool cache) {
        var attention = dims.config().attention();
        Tensor rotated = x.query().slice(2, attention.nopeDim(), attention.queryDim());
        AttentionInputs.rope(sink, dims, rotated, x.positions(), rotated, null);
        for (int i = 0; i < pieces.size(); i++) {
            boolean own = i == pieces.size() - 1;
            Tensor out = partial == null ? x.heads() : partial.get(i);
            Tensor lse = partialLse == null ? null : partialLse.get(i);
            addRun(sink, dims, weights, x, cache, pieces.get(i), own, out, lse);
        }
        if (partial != null && partialLse != null) {
            AttentionMerge merge = AttentionMerge.of(
                    x.rows(), attention.heads(), attention.valueDim(), pieces.size(), dims.activation());
            sink.add(merge, AttentionMerge.Args.of(partial, partialLse, x.heads()));
        }
    }

    private void addRun(
            LaunchSink sink,
            ModelDims dims,
            AttentionWeights weights,
            Activations x,
            CachePool cache,
            KeyRun run,
            boolean own,
            Tensor out,
            @Nullable Tensor lse) {
        var attention = dims.config().attention();
        DType type = dims.activation();
        int keys = Math.toIntExact(run.keyAndValue().dim(0));
        Tensor latent = x.latent();
        Tensor ropeKey = x.ropeKey().reshape(x.rows(), attention.ropeDim());
        if (run.slots() != null && run.latent() != null && run.ropeKey() != null) {
            latent = run.latent();
            ropeKey = run.ropeKey();
            sink.add(
                    CacheGather.of(keys, cache.format(), type),
                    CacheGather.Args.of(cache, run.slots(), latent, ropeKey));
        }
        int projected = attention.nopeDim() + attention.valueDim();
        Linear.add(
                sink,
                dims,
                latent,
                weights.keyAndValue(),
                run.keyAndValue().reshape(keys, (long) attention.heads() * projected),
                null);
        MlaPrefill prefill = MlaPrefill.of(
                        x.rows(), 1, attention.heads(), attention.nopeDim(), attention.ropeDim(), attention.valueDim(), type)
                .withMaxKeys(keys)
                .withSoftmaxScale(dims.config().softmaxScale())
                .withCausal(own);
        sink.add(
                prefill,
                MlaPrefill.Args.of(
                                x.query(),
                                run.keyAndValue().slice(2, 0, attention.nopeDim()),
                                ropeKey,
                                run.keyAndValue().slice(2, attention.nopeDim(), projected),
                                queryStart,
                                run.keyStart(),
                                out)
                        .withLogSumExp(lse));
    }
}

package dev.halcyon.engine.model;

import dev.halcyon.checkpoint.AttentionConfig;
import dev.halcyon.engine.weights.AttentionWeights;
import dev.halcyon.engine.weights.Weight;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// The part of latent attention that prefill and decode share: queries, the normalised latent and
/// the rotated shared key of the new tokens, and their way into the cache.
///
/// Source: DeepSeek-V3 inference/model.py, MLA.
final class AttentionInputs {
    private AttentionInputs() {}

    static void add(
            LaunchSink sink,
            ModelDims dims,
            AttentionWeights weights,
            Activations x,
            CachePool cache) {
        queries(sink, dims, weights, x);
        var attention = dims.config().attention();
        Linear.add(
                sink,
                dims,
                x.normed(),
                weights.latentAndRopeKey(),
                x.latentAndRopeKey(),
                x.activeRows());
        Tensor latent = x.latentAndRopeKey().slice(1, 0, attention.latentDim());
        norm(sink, dims, latent, weights.latentNorm(), x.latent(), x.activeRows());
        Tensor ropeKey =
                x.latentAndRopeKey()
                        .slice(
                                1,
                                attention.latentDim(),
                                attention.latentDim() + attention.ropeDim());
        rope(sink, dims, oneHead(ropeKey), x.positions(), x.ropeKey(), x.activeRows());
        sink.add(
                CacheAppend.of(x.bound(), cache.format(), dims.activation()),
                new CacheAppend.Args(
                        x.latent(),
                        x.ropeKey().reshape(x.rows(), attention.ropeDim()),
                        x.slots(),
                        cache,
                        x.activeRows()));
    }

    private static void queries(
            LaunchSink sink, ModelDims dims, AttentionWeights weights, Activations x) {
        var attention = dims.config().attention();
        Tensor flat = x.query().reshape(x.rows(), (long) attention.heads() * attention.queryDim());
        Weight direct = weights.query();
        if (direct != null) {
            Linear.add(sink, dims, x.normed(), direct, flat, x.activeRows());
            return;
        }
        Tensor latent = Objects.requireNonNull(x.queryLatent());
        Tensor normed = Objects.requireNonNull(x.queryLatentNormed());
        Linear.add(
                sink,
                dims,
                x.normed(),
                Objects.requireNonNull(weights.queryLatent()),
                latent,
                x.activeRows());
        norm(
                sink,
                dims,
                latent,
                Objects.requireNonNull(weights.queryLatentNorm()),
                normed,
                x.activeRows());
        Linear.add(
                sink,
                dims,
                normed,
                Objects.requireNonNull(weights.queryFromLatent()),
                flat,
                x.activeRows());
    }

    /// The latent norms have an epsilon of their own; see `AttentionConfig.LATENT_NORM_EPS`.
    private static void norm(
            LaunchSink sink,
            ModelDims dims,
            Tensor x,
            Tensor weight,
            Tensor out,
            @Nullable Tensor activeRows) {
        int bound = ModelDims.bound(Math.toIntExact(x.dim(0)));
        int width = Math.toIntExact(x.dim(1));
        RmsNorm spec =
                RmsNorm.of(bound, width, dims.activation(), AttentionConfig.LATENT_NORM_EPS)
                        .withTypes(dims.activation(), weight.dtype(), dims.activation());
        sink.add(spec, new RmsNorm.Args(x, weight, out, null, activeRows));
    }

    /// Rotates `[rows, heads, ropeDim]` into `out`.
    static void rope(
            LaunchSink sink,
            ModelDims dims,
            Tensor x,
            Tensor positions,
            Tensor out,
            @Nullable Tensor activeRows) {
        int bound = ModelDims.bound(Math.toIntExact(x.dim(0)));
        int heads = Math.toIntExact(x.dim(1));
        DType type = dims.activation();
        Rope spec =
                Rope.of(
                        bound,
                        heads,
                        dims.config().attention().ropeDim(),
                        dims.frequencies(),
                        type);
        sink.add(spec, new Rope.Args(x, positions, out, activeRows));
    }

    /// `[rows, n]` with any row stride as `[rows, 1, n]`.
    private static Tensor oneHead(Tensor rows) {
        return rows.unsqueeze(1);
    }
}

package dev.halcyon.engine.model;

import dev.halcyon.engine.weights.AttentionWeights;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

/// Attention of one new token a sequence over its cached rows, in the absorbed form.
///
/// The queries' unrotated part is multiplied by `W_UK` so that it meets the cached latents
/// directly, and what comes out is multiplied by `W_UV`. Source: DeepSeek-V3 inference/model.py,
/// MLA with attn_impl absorb.
///
/// @param query absorbed queries `[rows, heads, latent + rope]`
/// @param latentOut attention over latents `[rows, heads, latent]`
/// @param blockTable pages of each sequence, of a step input
/// @param lengths cached rows of each sequence, the new one included; of a step input
public record DecodeAttention(Tensor query, Tensor latentOut, Tensor blockTable, Tensor lengths)
        implements Decoder.Attention {
    /// {@return scratch for `rows` sequences}
    public static DecodeAttention allocate(
            DeviceArena arena, ModelDims dims, int rows, Tensor blockTable, Tensor lengths) {
        var attention = dims.config().attention();
        DType type = dims.activation();
        return new DecodeAttention(
                arena.tensor(
                        type, rows, attention.heads(), attention.latentDim() + attention.ropeDim()),
                arena.tensor(type, rows, attention.heads(), attention.latentDim()),
                blockTable,
                lengths);
    }

    @Override
    public void add(
            LaunchSink sink,
            ModelDims dims,
            AttentionWeights weights,
            Activations x,
            CachePool cache) {
        var attention = dims.config().attention();
        int bound = x.bound();
        int heads = attention.heads();
        int nope = attention.nopeDim();
        int latent = attention.latentDim();
        DType type = dims.activation();
        WeightFormat format = WeightFormat.rowMajor(weights.absorbed().dtype());
        Tensor keys = weights.absorbed().slice(1, 0, nope);
        Tensor values = weights.absorbed().slice(1, nope, nope + attention.valueDim());

        Gemm absorb =
                Gemm.batched(heads, bound, latent, nope, type, format, type)
                        .withBatchInvariant(dims.batchInvariant());
        sink.add(
                absorb,
                new Gemm.Args(
                        x.query().slice(2, 0, nope).transpose(0, 1),
                        keys,
                        query.slice(2, 0, latent).transpose(0, 1),
                        x.activeRows()));
        AttentionInputs.rope(
                sink,
                dims,
                x.query().slice(2, nope, attention.queryDim()),
                x.positions(),
                query.slice(2, latent, latent + attention.ropeDim()),
                x.activeRows());

        MlaDecode decode =
                MlaDecode.of(
                                bound,
                                heads,
                                dims.config().softmaxScale(),
                                cache.format(),
                                Math.toIntExact(blockTable.dim(1)),
                                type)
                        .withBatchInvariant(dims.batchInvariant())
                        .withHostLengths(true);
        sink.add(
                decode,
                MlaDecode.Args.of(query, cache, blockTable, lengths, latentOut)
                        .withActiveRows(x.activeRows()));

        Gemm project =
                Gemm.batched(heads, bound, attention.valueDim(), latent, type, format, type)
                        .withTransposed(false, true)
                        .withBatchInvariant(dims.batchInvariant());
        sink.add(
                project,
                new Gemm.Args(
                        latentOut.transpose(0, 1),
                        values,
                        x.heads().transpose(0, 1),
                        x.activeRows()));
    }
}

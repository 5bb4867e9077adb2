package dev.halcyon.engine.model;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// The tensors between the kernels of a step, for a number of token rows; every layer reuses them.
///
/// @param rows token rows
/// @param ids token of each row, I32
/// @param positions position of each row, I32
/// @param slots cache slot of each row, I32, -1 for none
/// @param hidden residual stream
/// @param normed its norm, the input of the sublayers
/// @param sublayer output of a sublayer
/// @param latentAndRopeKey output of `kv_a_proj_with_mqa`
/// @param latent normalised latent
/// @param ropeKey rotated shared key `[rows, 1, rope]`
/// @param queryLatent query latent, or null
/// @param queryLatentNormed its norm, or null
/// @param query queries `[rows, heads, nope + rope]`
/// @param heads attention output `[rows, heads, value]`
/// @param activeRows number of live rows, I32, or null for all
public record Activations(
        int rows,
        Tensor ids,
        Tensor positions,
        Tensor slots,
        Tensor hidden,
        Tensor normed,
        Tensor sublayer,
        Tensor latentAndRopeKey,
        Tensor latent,
        Tensor ropeKey,
        @Nullable Tensor queryLatent,
        @Nullable Tensor queryLatentNormed,
        Tensor query,
        Tensor heads,
        @Nullable Tensor activeRows) {
    /// {@return the row bound that plans for these rows are made with}
    int bound() {
        return ModelDims.bound(rows);
    }

    /// {@return activations in memory of `arena` around the given index tensors}
    public static Activations allocate(
            DeviceArena arena,
            ModelDims dims,
            Tensor ids,
            Tensor positions,
            Tensor slots,
            @Nullable Tensor activeRows) {
        var attention = dims.config().attention();
        DType type = dims.activation();
        int rows = Math.toIntExact(ids.dim(0));
        int hidden = dims.config().hiddenSize();
        Integer queryLatentDim = attention.queryLatentDim();
        return new Activations(
                rows,
                ids,
                positions,
                slots,
                arena.tensor(type, rows, hidden),
                arena.tensor(type, rows, hidden),
                arena.tensor(type, rows, hidden),
                arena.tensor(type, rows, attention.latentDim() + attention.ropeDim()),
                arena.tensor(type, rows, attention.latentDim()),
                arena.tensor(type, rows, 1, attention.ropeDim()),
                queryLatentDim == null ? null : arena.tensor(type, rows, queryLatentDim),
                queryLatentDim == null ? null : arena.tensor(type, rows, queryLatentDim),
                arena.tensor(type, rows, attention.heads(), attention.queryDim()),
                arena.tensor(type, rows, attention.heads(), attention.valueDim()),
                activeRows);
    }
}

package dev.halcyon.engine.model;

import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.YarnConfig;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;

/// What every part of the decoder needs to know about sizes and types.
///
/// @param config the model
/// @param activation element type between kernels
/// @param cacheFormat format of the latent cache
/// @param frequencies rotary frequencies
/// @param batchInvariant whether products must be batch-invariant
public record ModelDims(
        ModelConfig config,
        DType activation,
        CacheFormat cacheFormat,
        RotaryFrequencies frequencies,
        boolean batchInvariant) {
    /// {@return the dimensions of a model}
    public static ModelDims of(
            ModelConfig config, DType activation, CacheFormat cacheFormat, boolean batchInvariant) {
        return new ModelDims(config, activation, cacheFormat, frequencies(config), batchInvariant);
    }

    /// {@return the row bound to plan `rows` rows with: the next power of two, so that prompts of
    /// every length share a few plans}
    static int bound(int rows) {
        return rows <= 1 ? 1 : Integer.highestOneBit(rows - 1) << 1;
    }

    private static RotaryFrequencies frequencies(ModelConfig config) {
        int dim = config.attention().ropeDim();
        YarnConfig yarn = config.rope().yarn();
        return yarn == null
                ? RotaryFrequencies.plain(dim, config.rope().theta())
                : new RotaryFrequencies(
                        dim,
                        config.rope().theta(),
                        yarn.factor(),
                        yarn.originalPositions(),
                        yarn.betaFast(),
                        yarn.betaSlow(),
                        yarn.mscale(),
                        yarn.mscaleAllDim());
    }
}

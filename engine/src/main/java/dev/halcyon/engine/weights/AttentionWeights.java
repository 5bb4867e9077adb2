package dev.halcyon.engine.weights;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// The weights of one layer's attention.
///
/// @param query straight to the queries, or null where they pass through a latent
/// @param queryLatent to the query latent, or null
/// @param queryLatentNorm norm of the query latent, or null
/// @param queryFromLatent from the query latent to the queries, or null
/// @param latentAndRopeKey to the latent and the shared rope key
/// @param latentNorm norm of the latent
/// @param keyAndValue from the latent to keys and values, as stored; what prefill uses
/// @param absorbed the same values as a plain tensor `[heads, nope + value, latent]`, whose halves
///   decode uses
/// @param output from the heads' values back to the hidden state
public record AttentionWeights(
        @Nullable Weight query,
        @Nullable Weight queryLatent,
        @Nullable Tensor queryLatentNorm,
        @Nullable Weight queryFromLatent,
        Weight latentAndRopeKey,
        Tensor latentNorm,
        Weight keyAndValue,
        Tensor absorbed,
        Weight output) {}

package dev.halcyon.engine.weights;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// The weights of one decoder layer; exactly one of `dense` and `experts` is there.
///
/// @param attentionNorm norm before attention
/// @param attention attention
/// @param mlpNorm norm before the feed-forward part
/// @param dense a dense MLP
/// @param experts a mixture of experts
public record LayerWeights(
        Tensor attentionNorm,
        AttentionWeights attention,
        Tensor mlpNorm,
        @Nullable MlpWeights dense,
        @Nullable ExpertWeights experts) {}

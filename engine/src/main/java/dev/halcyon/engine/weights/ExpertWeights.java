package dev.halcyon.engine.weights;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

/// The weights of one mixture-of-experts block.
///
/// @param router the gate, `[experts, hidden]`
/// @param bias the selection bias in F32, or null
/// @param routed the routed experts
/// @param shared the shared experts as one MLP, or null
public record ExpertWeights(
        Tensor router, @Nullable Tensor bias, MlpWeights routed, @Nullable MlpWeights shared) {}

package dev.halcyon.engine.weights;

/// The three weights of a gated MLP; for routed experts each is a list with one element an expert.
///
/// @param gate the projection that passes through the activation
/// @param up the other projection
/// @param down back to the hidden state
public record MlpWeights(Weight gate, Weight up, Weight down) {}

package dev.halcyon.engine.weights;

import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.hal.memory.Tensor;

import java.util.List;

/// All weights of a model on one device.
///
/// @param config the configuration they belong to
/// @param embedding the token embedding
/// @param layers the decoder layers
/// @param finalNorm norm before the head
/// @param head the output projection
/// @param copies weights that had to be copied instead of mapped, with the reason, one line each
public record ModelWeights(
        ModelConfig config,
        Tensor embedding,
        List<LayerWeights> layers,
        Tensor finalNorm,
        Weight head,
        List<String> copies) {
    public ModelWeights {
        layers = List.copyOf(layers);
        copies = List.copyOf(copies);
    }
}

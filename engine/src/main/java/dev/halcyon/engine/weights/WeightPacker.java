package dev.halcyon.engine.weights;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

/// Copies linear weights, once, into the layouts that a device multiplies by fastest.
///
/// What the device likes best as it is stays where it is: tables of embeddings, norms, gates, and
/// the plain halves of the absorbed attention are not taken in such layouts.
///
/// @param device whose layouts
/// @param arena where the packed weights live
/// @param stream what runs the packing
record WeightPacker(Device device, DeviceArena arena, Stream stream) {
    /// {@return the weights with every linear one in the layout that the device prefers}
    ModelWeights packed(ModelWeights weights) {
        return new ModelWeights(
                weights.config(),
                weights.embedding(),
                weights.layers().stream().map(this::packed).toList(),
                weights.finalNorm(),
                packed(weights.head()),
                weights.copies());
    }

    private LayerWeights packed(LayerWeights layer) {
        MlpWeights dense = layer.dense();
        ExpertWeights experts = layer.experts();
        return new LayerWeights(
                layer.attentionNorm(),
                packed(layer.attention()),
                layer.mlpNorm(),
                dense == null ? null : packed(dense),
                experts == null ? null : packed(experts));
    }

    private AttentionWeights packed(AttentionWeights attention) {
        return new AttentionWeights(
                packedIfThere(attention.query()),
                packedIfThere(attention.queryLatent()),
                attention.queryLatentNorm(),
                packedIfThere(attention.queryFromLatent()),
                packed(attention.latentAndRopeKey()),
                attention.latentNorm(),
                packed(attention.keyAndValue()),
                attention.absorbed(),
                packed(attention.output()));
    }

    private ExpertWeights packed(ExpertWeights experts) {
        MlpWeights shared = experts.shared();
        return new ExpertWeights(
                experts.router(),
                experts.bias(),
                packed(experts.routed()),
                shared == null ? null : packed(shared));
    }

    private MlpWeights packed(MlpWeights mlp) {
        return new MlpWeights(packed(mlp.gate()), packed(mlp.up()), packed(mlp.down()));
    }

    private @Nullable Weight packedIfThere(@Nullable Weight weight) {
        return weight == null ? null : packed(weight);
    }

    private Weight packed(Weight weight) {
        Shape shape = weight.operand().shape();
        WeightFormat preferred = device.preferred(shape, weight.format());
        if (preferred.equals(weight.format())) {
            return weight;
        }
        PackedTensor packed = device.allocatePacked(arena, shape, preferred);
        int matrices = shape.rank() == 3 ? Math.toIntExact(shape.dim(0)) : 0;
        stream.run(
                new PackWeight(
                        matrices, weight.rows(), weight.columns(), weight.format(), preferred),
                PackWeight.Args.of(weight.operand(), packed));
        return Weight.of(packed);
    }
}

package dev.halcyon.engine.model;

import dev.halcyon.checkpoint.MoeConfig;
import dev.halcyon.engine.weights.ExpertWeights;
import dev.halcyon.engine.weights.LayerWeights;
import dev.halcyon.engine.weights.MlpWeights;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.memory.DType;

import java.util.Objects;

/// The feed-forward part of a layer: a dense MLP or a mixture of experts, from `normed` to
/// `sublayer`.
final class FeedForward {
    private FeedForward() {}

    static void add(LaunchSink sink, ModelDims dims, LayerWeights layer, Activations x) {
        MlpWeights dense = layer.dense();
        if (dense != null) {
            addDense(sink, dims, dense, x);
        } else {
            addExperts(sink, dims, Objects.requireNonNull(layer.experts()), x);
        }
    }

    private static void addDense(LaunchSink sink, ModelDims dims, MlpWeights mlp, Activations x) {
        DType type = dims.activation();
        SwiGluMlp spec =
                new SwiGluMlp(
                        x.bound(),
                        dims.config().hiddenSize(),
                        mlp.gate().rows(),
                        mlp.gate().format(),
                        mlp.down().format(),
                        Double.POSITIVE_INFINITY,
                        type,
                        type,
                        type,
                        dims.batchInvariant());
        sink.add(
                spec,
                new SwiGluMlp.Args(
                        x.normed(),
                        mlp.gate().operand(),
                        mlp.up().operand(),
                        mlp.down().operand(),
                        x.sublayer(),
                        x.activeRows()));
    }

    private static void addExperts(
            LaunchSink sink, ModelDims dims, ExpertWeights experts, Activations x) {
        MoeConfig moe = dims.config().moe();
        DType type = dims.activation();
        MlpWeights routed = experts.routed();
        MlpWeights shared = experts.shared();
        MlpWeights sharedOrRouted = shared == null ? routed : shared;
        MoeLayer spec =
                new MoeLayer(
                        gate(dims, experts, x.bound()),
                        routed.gate().rows(),
                        shared == null ? 0 : shared.gate().rows(),
                        0,
                        moe.experts(),
                        routed.gate().format(),
                        routed.down().format(),
                        sharedOrRouted.gate().format().unlisted(),
                        sharedOrRouted.down().format().unlisted(),
                        Double.POSITIVE_INFINITY,
                        MoeLayer.WeightPosition.AFTER_DOWN,
                        type,
                        type,
                        dims.batchInvariant());
        sink.add(
                spec,
                new MoeLayer.Args(
                        x.normed(),
                        experts.router(),
                        experts.bias(),
                        null,
                        null,
                        routed.gate().operand(),
                        routed.up().operand(),
                        routed.down().operand(),
                        shared == null ? null : shared.gate().operand(),
                        shared == null ? null : shared.up().operand(),
                        shared == null ? null : shared.down().operand(),
                        x.sublayer(),
                        null,
                        null,
                        x.activeRows()));
    }

    private static MoeGate gate(ModelDims dims, ExpertWeights experts, int bound) {
        MoeConfig moe = dims.config().moe();
        MoeGate.Score score =
                switch (moe.scoring()) {
                    case SOFTMAX -> MoeGate.Score.SOFTMAX;
                    case SIGMOID -> MoeGate.Score.SIGMOID;
                };
        MoeGate gate =
                MoeGate.of(
                                bound,
                                dims.config().hiddenSize(),
                                moe.experts(),
                                moe.topK(),
                                score,
                                dims.activation())
                        .withBias(moe.selection().biased())
                        .withNormalise(moe.normalise())
                        .withScale(moe.scale())
                        .withTypes(dims.activation(), experts.router().dtype());
        return switch (moe.selection()) {
            case GREEDY -> gate;
            case GROUP_LIMITED_GREEDY ->
                    gate.withGroups(moe.groups(), moe.groupTopK(), MoeGate.GroupScore.MAX);
            case NOAUX_TC ->
                    gate.withGroups(moe.groups(), moe.groupTopK(), MoeGate.GroupScore.TOP2_SUM);
        };
    }
}

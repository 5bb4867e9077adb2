package dev.halcyon.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// Every tensor that a checkpoint of a configuration must hold, with the type and shape that
/// published checkpoints give it.
///
/// The layers for multi-token prediction are not among them: inference does without, and
/// checkpoints differ in what they hold.
///
/// @param slots the tensors, in the order a model uses them
public record WeightLayout(List<Slot> slots) {
    /// One tensor of a checkpoint.
    ///
    /// @param name its name
    /// @param type how it is stored; norms, gate biases and scales are also seen in other
    ///   floating-point types
    /// @param shape its dimensions
    public record Slot(String name, ElementType type, TensorShape shape) {}

    /// The layout of these slots, copied.
    public WeightLayout {
        slots = List.copyOf(slots);
    }

    /// The layout for `config` under `names`.
    ///
    /// @throws IllegalArgumentException if an `ignore` pattern of the quantisation takes an absurd
    ///   number of steps on a name
    public static WeightLayout of(ModelConfig config, WeightNames names) {
        return new Building(config, weight -> isQuantised(config, weight), new ArrayList<>())
                .layout(names);
    }

    /// The layout that `folder` has to have: that of its configuration, except that a linear weight
    /// which it holds without scales is plain, although its configuration says that weights are
    /// quantised.
    ///
    /// @throws CheckpointException if a file is not right
    /// @throws IllegalArgumentException as for [#of(ModelConfig, WeightNames)]
    public static WeightLayout of(CheckpointFolder folder) {
        return new Building(folder.config(), folder::isQuantised, new ArrayList<>())
                .layout(WeightNames.in(folder));
    }

    private static boolean isQuantised(ModelConfig config, String weight) {
        return switch (config.quantization()) {
            case Quantization.Unquantized none -> false;
            case Quantization.Fp8Blocks fp8 -> true;
            case Quantization.PackedInt4 int4 -> !int4.ignores(WeightNames.module(weight));
        };
    }

    /// Checks that `folder` holds every tensor in the right shape, which opens each of its files.
    ///
    /// @throws CheckpointException if one is missing or differs in shape, or a file is not right
    public void check(CheckpointFolder folder) {
        for (Slot slot : slots) {
            folder.require(slot.name(), slot.shape());
        }
    }

    private record Building(ModelConfig config, Predicate<String> quantised, List<Slot> slots) {
        WeightLayout layout(WeightNames names) {
            int hidden = config.hiddenSize();
            plain(names.embedding(), config.vocabularySize(), hidden);
            for (int i = 0; i < config.layers(); i++) {
                WeightNames.Layer layer = names.layer(i);
                plain(layer.attentionNorm(), hidden);
                attention(layer);
                plain(layer.mlpNorm(), hidden);
                if (config.hasExperts(i)) {
                    experts(layer);
                } else {
                    mlp(layer.dense(), config.intermediateSize());
                }
            }
            plain(names.finalNorm(), hidden);
            if (!config.tiedEmbeddings()) {
                plain(names.head(), config.vocabularySize(), hidden);
            }
            return new WeightLayout(slots);
        }

        private void attention(WeightNames.Layer layer) {
            AttentionConfig attention = config.attention();
            int hidden = config.hiddenSize();
            int heads = attention.heads();
            Integer queryLatentDim = attention.queryLatentDim();
            if (queryLatentDim == null) {
                linear(layer.query(), heads * attention.queryDim(), hidden);
            } else {
                linear(layer.queryLatent(), queryLatentDim, hidden);
                plain(layer.queryLatentNorm(), queryLatentDim);
                linear(layer.queryFromLatent(), heads * attention.queryDim(), queryLatentDim);
            }
            linear(layer.latentAndRopeKey(), attention.latentDim() + attention.ropeDim(), hidden);
            plain(layer.latentNorm(), attention.latentDim());
            linear(
                    layer.keyAndValue(),
                    heads * (attention.nopeDim() + attention.valueDim()),
                    attention.latentDim());
            linear(layer.attentionOutput(), hidden, heads * attention.valueDim());
        }

        private void experts(WeightNames.Layer layer) {
            MoeConfig moe = config.moe();
            // The router is never quantised, and its bias decides near ties, so it keeps 32 bits.
            plain(layer.gate(), moe.experts(), config.hiddenSize());
            if (moe.selection().biased()) {
                slot(layer.gateBias(), ElementType.F32, moe.experts());
            }
            for (int expert = 0; expert < moe.experts(); expert++) {
                mlp(layer.expert(expert), moe.intermediateSize());
            }
            if (moe.sharedExperts() > 0) {
                mlp(layer.sharedExperts(), moe.sharedExperts() * moe.intermediateSize());
            }
        }

        private void mlp(WeightNames.Mlp mlp, int intermediate) {
            linear(mlp.gate(), intermediate, config.hiddenSize());
            linear(mlp.up(), intermediate, config.hiddenSize());
            linear(mlp.down(), config.hiddenSize(), intermediate);
        }

        private void linear(String name, int rows, int columns) {
            if (!quantised.test(name)) {
                plain(name, rows, columns);
                return;
            }
            switch (config.quantization()) {
                case Quantization.Unquantized none -> plain(name, rows, columns);
                case Quantization.Fp8Blocks fp8 -> {
                    slot(name, ElementType.F8_E4M3, rows, columns);
                    slot(
                            WeightNames.blockScales(name),
                            ElementType.F32,
                            Math.ceilDiv(rows, fp8.blockRows()),
                            Math.ceilDiv(columns, fp8.blockColumns()));
                }
                case Quantization.PackedInt4 int4 -> packed(name, rows, columns, int4.groupSize());
            }
        }

        private void packed(String name, int rows, int columns, int groupSize) {
            int words = Math.ceilDiv(columns, Quantization.PackedInt4.PER_WORD);
            slot(WeightNames.packedWords(name), ElementType.I32, rows, words);
            slot(
                    WeightNames.packedScales(name),
                    ElementType.BF16,
                    rows,
                    Math.ceilDiv(columns, groupSize));
            slot(WeightNames.packedShape(name), ElementType.I32, 2);
        }

        private void plain(String name, long... dims) {
            slot(name, config.type(), dims);
        }

        private void slot(String name, ElementType type, long... dims) {
            slots.add(new Slot(name, type, TensorShape.of(dims)));
        }
    }
}

package dev.halcyon.engine.weights;

import dev.halcyon.checkpoint.CheckpointException;
import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.Quantization;
import dev.halcyon.checkpoint.TensorEntry;
import dev.halcyon.checkpoint.WeightLayout;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Turns a checkpoint into operands: mapped in place where alignment allows, with every shape
/// checked first.
public final class WeightLoader {
    private final CheckpointFolder folder;
    private final ModelConfig config;
    private final WeightNames names;
    private final DeviceArena arena;
    private final Stream stream;
    private final DType type;
    private final WeightConverter converter;
    private final Map<Path, Tensor> files = new HashMap<>();
    private final List<String> copies = new ArrayList<>();

    private WeightLoader(CheckpointFolder folder, DeviceArena arena, Stream stream, DType type) {
        this.folder = folder;
        this.config = folder.config();
        this.names = WeightNames.in(folder);
        this.arena = arena;
        this.stream = stream;
        this.type = type;
        this.converter = new WeightConverter(arena, stream);
    }

    /// {@return the weights of a checkpoint in memory of `arena`}
    ///
    /// @param type what a weight is converted to where it cannot stay as it is stored: a quantised
    ///   `kv_b_proj` for the absorbed form, weights of one kernel that are stored in several ways
    /// @param pack whether linear weights are copied into the device's preferred layouts
    /// @throws CheckpointException if a tensor is missing or has another shape, or a file is not
    ///   right
    public static ModelWeights load(
            CheckpointFolder folder, Device device, DeviceArena arena, DType type, boolean pack) {
        WeightLayout.of(folder).check(folder);
        try (Stream stream = device.stream("weights")) {
            ModelWeights weights = new WeightLoader(folder, arena, stream, type).model();
            if (pack) {
                weights = new WeightPacker(device, arena, stream).packed(weights);
            }
            stream.synchronize();
            return weights;
        }
    }

    private ModelWeights model() {
        Tensor embedding = plain(names.embedding());
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(layer(i));
        }
        Weight head =
                config.tiedEmbeddings() ? Weight.of(embedding) : Weight.of(plain(names.head()));
        return new ModelWeights(config, embedding, layers, plain(names.finalNorm()), head, copies);
    }

    private LayerWeights layer(int index) {
        WeightNames.Layer layer = names.layer(index);
        boolean experts = config.hasExperts(index);
        return new LayerWeights(
                plain(layer.attentionNorm()),
                attention(layer),
                plain(layer.mlpNorm()),
                experts ? null : mlp(layer.dense()),
                experts ? experts(layer) : null);
    }

    private AttentionWeights attention(WeightNames.Layer layer) {
        boolean latent = config.attention().hasQueryLatent();
        Weight keyAndValue = linear(layer.keyAndValue());
        return new AttentionWeights(
                latent ? null : linear(layer.query()),
                latent ? linear(layer.queryLatent()) : null,
                latent ? plain(layer.queryLatentNorm()) : null,
                latent ? linear(layer.queryFromLatent()) : null,
                linear(layer.latentAndRopeKey()),
                plain(layer.latentNorm()),
                keyAndValue,
                absorbed(keyAndValue),
                linear(layer.attentionOutput()));
    }

    /// The absorbed form multiplies by the two halves of `kv_b_proj` from different sides, which a
    /// block-scaled weight cannot serve, so such a weight is dequantised once.
    private Tensor absorbed(Weight keyAndValue) {
        var attention = config.attention();
        Tensor plain =
                keyAndValue.operand() instanceof Tensor tensor
                        ? tensor
                        : converter.plain(keyAndValue.operand(), type);
        return plain.reshape(
                attention.heads(),
                attention.nopeDim() + attention.valueDim(),
                attention.latentDim());
    }

    private ExpertWeights experts(WeightNames.Layer layer) {
        var moe = config.moe();
        int count = moe.experts();
        List<Operand> gateAndUp = new ArrayList<>();
        List<Operand> down = new ArrayList<>();
        for (int expert = 0; expert < count; expert++) {
            gateAndUp.add(linear(layer.expert(expert).gate()).operand());
        }
        for (int expert = 0; expert < count; expert++) {
            gateAndUp.add(linear(layer.expert(expert).up()).operand());
            down.add(linear(layer.expert(expert).down()).operand());
        }
        List<Operand> alike = alike(layer.expert(0).gate(), gateAndUp);
        return new ExpertWeights(
                plain(layer.gate()),
                moe.selection().biased() ? converter.inF32(stored(layer.gateBias())) : null,
                new MlpWeights(
                        Weight.of(new TensorList(alike.subList(0, count))),
                        Weight.of(new TensorList(alike.subList(count, 2 * count))),
                        Weight.of(new TensorList(alike(layer.expert(0).down(), down)))),
                moe.sharedExperts() > 0 ? mlp(layer.sharedExperts()) : null);
    }

    private MlpWeights mlp(WeightNames.Mlp mlp) {
        List<Operand> gateAndUp =
                alike(
                        mlp.gate(),
                        List.of(linear(mlp.gate()).operand(), linear(mlp.up()).operand()));
        return new MlpWeights(
                Weight.of(gateAndUp.get(0)), Weight.of(gateAndUp.get(1)), linear(mlp.down()));
    }

    /// {@return the weights, which one kernel multiplies by, in one format}
    ///
    /// They nearly always are; a checkpoint that quantises some of them only is brought to plain
    /// elements.
    private List<Operand> alike(String first, List<Operand> weights) {
        if (weights.stream().map(Operand::format).distinct().count() == 1) {
            return weights;
        }
        copies.add(
                first
                        + " and the weights beside it are stored in several ways and were converted"
                        + " to "
                        + type);
        return weights.stream().<Operand>map(weight -> converter.plain(weight, type)).toList();
    }

    private Weight linear(String name) {
        if (!folder.isQuantised(name)) {
            return Weight.of(plain(name));
        }
        return Weight.of(
                switch (config.quantization()) {
                    case Quantization.Unquantized none -> plain(name);
                    case Quantization.Fp8Blocks fp8 -> fp8(name, fp8);
                    case Quantization.PackedInt4 int4 -> int4(name, int4);
                });
    }

    private QuantizedTensor fp8(String name, Quantization.Fp8Blocks blocks) {
        Tensor values = stored(name);
        Tensor scales = converter.inF32(stored(WeightNames.blockScales(name)));
        return new QuantizedTensor(
                values,
                scales,
                QuantizationScheme.FP8_BLOCK_128
                        .withBlock(blocks.blockRows(), blocks.blockColumns())
                        .withTypes(values.dtype(), DType.F32));
    }

    private QuantizedTensor int4(String name, Quantization.PackedInt4 packed) {
        TensorEntry words = folder.require(WeightNames.packedWords(name));
        Tensor scales = plain(WeightNames.packedScales(name));
        // Another type would have another number of codes in a word, and the layout knows shapes
        // only.
        if (words.type() != ElementType.I32 && words.type() != ElementType.U32) {
            throw new CheckpointException(
                    folder.file(words.name()).path().toString(),
                    "tensor " + words + " should hold I32 words of eight codes",
                    "weights and config.json belong to different models");
        }
        long rows = words.shape().dim(0);
        long columns = scales.dim(1) * packed.groupSize();
        Tensor values =
                place(words, WeightNames.packedWords(name), DType.I4, Shape.of(rows, columns));
        return new QuantizedTensor(
                values,
                scales,
                QuantizationScheme.INT4_GROUP_32
                        .withBlock(1, packed.groupSize())
                        .withTypes(DType.I4, scales.dtype()));
    }

    /// A tensor that kernels take as it is; they compute in F32 at most, so F64 is rounded to that
    /// once.
    private Tensor plain(String name) {
        Tensor tensor = stored(name);
        return switch (tensor.dtype()) {
            case F32, BF16, F16 -> tensor;
            case F64 -> {
                copies.add(
                        name
                                + " is F64 and was rounded to F32, the widest type that models run"
                                + " in");
                yield converter.inF32(tensor);
            }
            default -> throw unusable(name);
        };
    }

    private Tensor stored(String name) {
        TensorEntry entry = folder.require(name);
        DType dtype = dtype(entry.type());
        if (dtype == null) {
            throw unusable(name);
        }
        return place(entry, name, dtype, Shape.of(entry.shape().toArray()));
    }

    private CheckpointException unusable(String name) {
        return new CheckpointException(
                folder.file(name).path().toString(),
                "tensor "
                        + folder.require(name)
                        + " is of a type that no kernel takes in this place",
                "convert the checkpoint to BF16 or F32, or give eight-bit weights their scales");
    }

    private Tensor place(TensorEntry entry, String name, DType dtype, Shape shape) {
        if (entry.byteOffset() % dtype.alignment() == 0) {
            return Tensor.of(
                    mapped(folder.file(name).path()).buffer(), entry.byteOffset(), dtype, shape);
        }
        copies.add(
                name
                        + " begins at byte "
                        + entry.byteOffset()
                        + ", which "
                        + dtype
                        + " elements cannot be read from in place");
        Tensor copy = arena.tensor(dtype, shape);
        stream.upload(copy, folder.segment(name));
        return copy;
    }

    /// One mapping a file: a large model has more tensors than a process may have mappings.
    private Tensor mapped(Path file) {
        Tensor whole = files.get(file);
        if (whole == null) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                whole = arena.map(channel, 0, DType.U8, Shape.of(channel.size()));
            } catch (IOException failed) {
                throw new CheckpointException(
                        file.toString(),
                        "cannot be mapped: " + failed,
                        "check the file and its permissions",
                        failed);
            }
            files.put(file, whole);
        }
        return whole;
    }

    private static @Nullable DType dtype(ElementType type) {
        return switch (type) {
            case F64 -> DType.F64;
            case F32 -> DType.F32;
            case F16 -> DType.F16;
            case BF16 -> DType.BF16;
            case F8_E4M3 -> DType.F8_E4M3;
            case F8_E5M2 -> DType.F8_E5M2;
            case F8_E8M0 -> DType.F8_E8M0;
            default -> null;
        };
    }
}

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
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Turns a checkpoint into operands: mapped in place where alignment allows, with every shape checked first.
public final class WeightLoader {
    private final CheckpointFolder folder;
    private final ModelConfig config;
    private final WeightNames names;
    private final DeviceArena arena;
    private final Stream stream;
    private final DType absorbedType;
    private final Map<Path, Tensor> files = new HashMap<>();
    private final List<String> copies = new ArrayList<>();

    private WeightLoader(CheckpointFolder folder, DeviceArena arena, Stream stream, DType absorbedType) {
        this.folder = folder;
        this.config = folder.config();
        this.names = WeightNames.in(folder);
        this.arena = arena;
        this.stream = stream;
        this.absorbedType = absorbedType;
    }

    /// {@return the weights of a checkpoint in memory of `arena`}
    ///
    /// @param absorbedType type that a quantised `kv_b_proj` is dequantised to for the absorbed form
    /// @throws CheckpointException if a tensor is missing or has another shape, or a file is not right
    public static ModelWeights load(CheckpointFolder folder, Device device, DeviceArena arena, DType absorbedType) {
        WeightLayout.of(folder.config(), WeightNames.in(folder)).check(folder);
        try (Stream stream = device.stream("weights")) {
            ModelWeights weights = new WeightLoader(folder, arena, stream, absorbedType).model();
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
        Weight head = config.tiedEmbeddings() ? Weight.of(embedding) : Weight.of(plain(names.head()));
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

    /// The absorbed form multiplies by the two halves of `kv_b_proj` from different sides, which a block-scaled weight
    /// cannot serve, so such a weight is dequantised once.
    private Tensor absorbed(Weight keyAndValue) {
        var attention = config.attention();
        Tensor plain = keyAndValue.operand() instanceof Tensor tensor
                ? tensor
                : dequantised((QuantizedTensor) keyAndValue.operand());
        return plain.reshape(
                attention.heads(), attention.nopeDim() + attention.valueDim(), attention.latentDim());
    }

    private Tensor dequantised(QuantizedTensor quantized) {
        int rows = Math.toIntExact(quantized.shape().dim(0));
        int columns = Math.toIntExact(quantized.shape().dim(1));
        Tensor plain = arena.tensor(absorbedType, rows, columns);
        stream.run(
                Dequantize.of(rows, columns, quantized.scheme(), absorbedType),
                Dequantize.Args.of(quantized, plain));
        return plain;
    }

    private ExpertWeights experts(WeightNames.Layer layer) {
        var moe = config.moe();
        return new ExpertWeights(
                plain(layer.gate()),
                moe.selection().biased() ? inF32(plain(layer.gateBias())) : null,
                new MlpWeights(
                        listed(layer, WeightNames.Mlp::gate),
                        listed(layer, WeightNames.Mlp::up),
                        listed(layer, WeightNames.Mlp::down)),
                moe.sharedExperts() > 0 ? mlp(layer.sharedExperts()) : null);
    }

    private Weight listed(WeightNames.Layer layer, Function<WeightNames.Mlp, String> which) {
        List<Operand> elements = new ArrayList<>();
        for (int expert = 0; expert < config.moe().experts(); expert++) {
            elements.add(linear(which.apply(layer.expert(expert))).operand());
        }
        return Weight.of(new TensorList(elements));
    }

    private MlpWeights mlp(WeightNames.Mlp mlp) {
        return new MlpWeights(linear(mlp.gate()), linear(mlp.up()), linear(mlp.down()));
    }

    private Weight linear(String name) {
        Quantization quantization = config.quantization();
        if (quantization instanceof Quantization.Fp8Blocks fp8) {
            return Weight.of(fp8(name, fp8));
        }
        if (quantization instanceof Quantization.PackedInt4 int4 && !int4.ignores(WeightNames.module(name))) {
            return Weight.of(int4(name, int4));
        }
        return Weight.of(plain(name));
    }

    private QuantizedTensor fp8(String name, Quantization.Fp8Blocks blocks) {
        Tensor values = plain(name);
        Tensor scales = inF32(plain(WeightNames.blockScales(name)));
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
        long rows = words.shape().dim(0);
        long columns = scales.dim(1) * packed.groupSize();
        Tensor values = place(words, WeightNames.packedWords(name), DType.I4, Shape.of(rows, columns));
        return new QuantizedTensor(
                values,
                scales,
                QuantizationScheme.INT4_GROUP_32
                        .withBlock(1, packed.groupSize())
                        .withTypes(DType.I4, scales.dtype()));
    }

    private Tensor inF32(Tensor tensor) {
        if (tensor.dtype() == DType.F32) {
            return tensor;
        }
        int columns = Math.toIntExact(tensor.dim(-1));
        int rows = Math.toIntExact(tensor.elements() / Math.max(1, columns));
        Tensor converted = arena.tensor(DType.F32, tensor.shape());
        stream.run(
                new Cast(Math.max(1, rows), columns, tensor.dtype(), DType.F32),
                Cast.Args.of(tensor.reshape(rows, columns), converted.reshape(rows, columns)));
        return converted;
    }

    private Tensor plain(String name) {
        TensorEntry entry = folder.require(name);
        DType dtype = dtype(entry.type());
        if (dtype == null) {
            throw new CheckpointException(
                    folder.file(name).path().toString(),
                    "tensor " + name + " has elements of type " + entry.type() + ", which no kernel takes",
                    "convert the checkpoint to BF16, F32 or F8_E4M3");
        }
        return place(entry, name, dtype, Shape.of(entry.shape().toArray()));
    }

    private Tensor place(TensorEntry entry, String name, DType dtype, Shape shape) {
        if (entry.byteOffset() % dtype.alignment() == 0) {
            return Tensor.of(mapped(folder.file(name).path()).buffer(), entry.byteOffset(), dtype, shape);
        }
        copies.add(name + " begins at byte " + entry.byteOffset() + ", which " + dtype
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
                        file.toString(), "cannot be mapped: " + failed, "check the file and its permissions", failed);
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

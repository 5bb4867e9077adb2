package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.Quantization;
import dev.halcyon.checkpoint.TensorEntry;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import java.lang.foreign.ValueLayout;
import java.util.List;

/// The weights of a checkpoint folder: block-scaled ones as they are stored, all others in the
/// run's element type.
///
/// @param folder the checkpoint
/// @param bench the run
record FolderWeights(CheckpointFolder folder, Workbench bench) implements WeightSource {
    @Override
    public Operand matrix(String name) {
        if (folder.contains(name) && folder.contains(WeightNames.blockScales(name))) {
            return fp8Blocks(name);
        }
        if (!folder.contains(name) && folder.contains(WeightNames.packedWords(name))) {
            return packedInt4(name);
        }
        return tensor(name, bench.storage());
    }

    private QuantizedTensor fp8Blocks(String name) {
        if (!(folder.config().quantization() instanceof Quantization.Fp8Blocks blocks)) {
            throw new IllegalArgumentException(
                    name + " has block scales, but config.json names no block size");
        }
        TensorEntry entry = folder.require(name);
        if (entry.type() != ElementType.F8_E4M3) {
            throw new IllegalArgumentException(
                    entry + " has block scales, but its values are not F8_E4M3");
        }
        return new QuantizedTensor(
                bench.bytes(DType.F8_E4M3, bytes(name), entry.shape().toArray()),
                tensor(WeightNames.blockScales(name), DType.F32),
                QuantizationScheme.FP8_BLOCK_128.withBlock(
                        blocks.blockRows(), blocks.blockColumns()));
    }

    private QuantizedTensor packedInt4(String name) {
        if (!(folder.config().quantization() instanceof Quantization.PackedInt4 packed)) {
            throw new IllegalArgumentException(
                    name + " is packed, but config.json names no group size");
        }
        String words = WeightNames.packedWords(name);
        TensorEntry entry = folder.require(words);
        return new QuantizedTensor(
                bench.bytes(DType.I4, bytes(words), entry.shape().dim(0), 8 * entry.shape().dim(1)),
                tensor(WeightNames.packedScales(name), DType.BF16),
                QuantizationScheme.INT4_GROUP_32.withBlock(1, packed.groupSize()));
    }

    private Tensor tensor(String name, DType dtype) {
        return bench.tensor(
                dtype, folder.file(name).readDoubles(name), folder.require(name).shape().toArray());
    }

    private byte[] bytes(String name) {
        return folder.segment(name).toArray(ValueLayout.JAVA_BYTE);
    }

    @Override
    public Tensor plain(String name) {
        if (!(matrix(name) instanceof QuantizedTensor quantized)) {
            return tensor(name, bench.storage());
        }
        int rows = Math.toIntExact(quantized.shape().dim(0));
        int columns = Math.toIntExact(quantized.shape().dim(1));
        Tensor out = bench.unfilledPlain(bench.storage(), rows, columns);
        bench.run(
                Dequantize.of(rows, columns, quantized.scheme(), bench.storage()),
                Dequantize.Args.of(quantized, out));
        return out;
    }

    @Override
    public Tensor vector(String name) {
        return tensor(name, bench.storage());
    }

    @Override
    public Tensor f32(String name) {
        return tensor(name, DType.F32);
    }

    @Override
    public Operand all(List<String> names) {
        return new TensorList(names.stream().map(this::matrix).toList());
    }

    @Override
    public boolean has(String name) {
        return folder.contains(name) || folder.contains(WeightNames.packedWords(name));
    }
}

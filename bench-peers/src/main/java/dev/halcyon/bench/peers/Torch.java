package dev.halcyon.bench.peers;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Tensors of libtorch from seeds, and their elements.
@SuppressWarnings("restricted")
final class Torch {
    private Torch() {}

    static ScalarType type(DType dtype) {
        return dtype == DType.F32 ? ScalarType.Float : ScalarType.BFloat16;
    }

    static Tensor empty(DType dtype, long... dims) {
        return torch.empty(dims, new TensorOptions(type(dtype)), new MemoryFormatOptional());
    }

    static Tensor zeros(DType dtype, long... dims) {
        Tensor tensor = empty(dtype, dims);
        memory(tensor).fill((byte) 0);
        return tensor;
    }

    static Tensor random(DType dtype, long seed, int exponent, long... dims) {
        Tensor tensor = empty(dtype, dims);
        RandomBits.fill(memory(tensor), dtype, seed, exponent);
        return tensor;
    }

    static Tensor of(float[] values) {
        Tensor tensor = empty(DType.F32, values.length);
        MemorySegment.copy(MemorySegment.ofArray(values), 0, memory(tensor), 0, 4L * values.length);
        return tensor;
    }

    /// {@return a copy of another type}
    static Tensor to(Tensor tensor, DType dtype) {
        return tensor.to(type(dtype), false, true, new MemoryFormatOptional());
    }

    /// {@return the bytes of a contiguous tensor}
    static MemorySegment memory(Tensor tensor) {
        return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(tensor.nbytes());
    }

    /// {@return elements of a tensor in row-major order}
    static double[] at(Tensor tensor, DType dtype, long[] positions) {
        Tensor dense = new Tensor(tensor.contiguous());
        MemorySegment memory = memory(dense);
        return Arrays.stream(positions)
                .mapToDouble(position -> HostElements.get(memory, dtype, position))
                .toArray();
    }
}

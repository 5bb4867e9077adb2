package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import java.lang.foreign.MemorySegment;

/// Copies and fills of host tensors of any strides.
final class StridedCopy {
    private StridedCopy() {}

    static void checkAlike(Tensor destination, Tensor source) {
        if (destination.dtype() != source.dtype() || !destination.shape().equals(source.shape())) {
            throw new IllegalArgumentException("copy needs one type and shape: destination is " + destination
                    + ", source is " + source + "; Cast converts types");
        }
        if (!destination.buffer().isWritable()) {
            throw new IllegalArgumentException("copy into a mapped file, which cannot be written: " + destination);
        }
    }

    static void copy(Tensor destination, Tensor source) {
        MemorySegment to = destination.segment();
        MemorySegment from = source.segment();
        if (destination.isContiguous() && source.isContiguous()) {
            to.copyFrom(from);
            return;
        }
        if (destination.dtype().isPacked()) {
            throw new IllegalArgumentException("a strided copy of packed elements is not possible: " + destination);
        }
        int bytes = destination.dtype().bits() / 8;
        int inner = destination.rank() - 1;
        boolean rows = inner >= 0 && destination.stride(inner) == 1 && source.stride(inner) == 1;
        long run = rows ? destination.dim(inner) : 1;
        long[] index = new long[rows ? inner : destination.rank()];
        long runs = run == 0 ? 0 : destination.elements() / run;
        for (long n = 0; n < runs; n++) {
            long toPosition = 0;
            long fromPosition = 0;
            for (int i = 0; i < index.length; i++) {
                toPosition += index[i] * destination.stride(i);
                fromPosition += index[i] * source.stride(i);
            }
            MemorySegment.copy(from, fromPosition * bytes, to, toPosition * bytes, run * bytes);
            for (int i = index.length - 1; i >= 0 && ++index[i] == destination.dim(i); i--) {
                index[i] = 0;
            }
        }
    }

    static void fill(Tensor destination, double value) {
        if (!destination.buffer().isWritable()) {
            throw new IllegalArgumentException("fill of a mapped file, which cannot be written: " + destination);
        }
        MemorySegment memory = destination.segment();
        if (destination.isContiguous() && Double.doubleToRawLongBits(value) == 0L
                && destination.dtype() != DType.I4
                && destination.dtype() != DType.F8_E8M0) {
            memory.fill((byte) 0);
            return;
        }
        HostElements.forEach(
                destination, (number, position) -> HostElements.set(memory, destination.dtype(), position, value));
    }
}

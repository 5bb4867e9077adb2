package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;

/// Copies and fills of host tensors of any strides.
final class StridedCopy {
    private StridedCopy() {}

    static void copy(Tensor destination, Tensor source) {
        MemorySegment to = destination.segment();
        MemorySegment from = source.segment();
        DType dtype = destination.dtype();
        boolean wholeBytes = !dtype.isPacked() || destination.elements() % 2 == 0;
        if (destination.isContiguous() && source.isContiguous() && wholeBytes) {
            to.copyFrom(from);
            return;
        }
        if (dtype.isPacked()) {
            copyNibbles(destination, source);
            return;
        }
        int bytes = dtype.bits() / 8;
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

    /// Every 4-bit code survives the way through a double.
    private static void copyNibbles(Tensor destination, Tensor source) {
        MemorySegment to = destination.segment();
        MemorySegment from = source.segment();
        DType dtype = destination.dtype();
        long[] positions = positions(source);
        HostElements.forEach(
                destination,
                (number, position) ->
                        HostElements.set(
                                to,
                                dtype,
                                position,
                                HostElements.get(from, dtype, positions[(int) number])));
    }

    private static long[] positions(Tensor tensor) {
        long[] positions = new long[Math.toIntExact(tensor.elements())];
        HostElements.forEach(tensor, (number, position) -> positions[(int) number] = position);
        return positions;
    }

    static void fill(Tensor destination, double value) {
        MemorySegment memory = destination.segment();
        DType dtype = destination.dtype();
        boolean zeroIsZeroBytes = dtype != DType.I4 && dtype != DType.F8_E8M0;
        boolean wholeBytes = !dtype.isPacked() || destination.elements() % 2 == 0;
        if (destination.isContiguous()
                && Double.doubleToRawLongBits(value) == 0L
                && zeroIsZeroBytes
                && wholeBytes) {
            memory.fill((byte) 0);
            return;
        }
        HostElements.forEach(
                destination,
                (number, position) -> HostElements.set(memory, dtype, position, value));
    }
}

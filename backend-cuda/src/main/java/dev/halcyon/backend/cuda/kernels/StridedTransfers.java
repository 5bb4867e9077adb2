package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Copies and fills of tensors, for streams and graphs: by the driver where they are ranges of
/// bytes, by kernels where they have strides.
public final class StridedTransfers {
    private static final int MOST_DIMS = 6;
    private static final int BLOCK = 256;
    private static final int MOST_BLOCKS = 4096;

    private StridedTransfers() {}

    /// {@return whether a tensor is one range of whole bytes}
    public static boolean isRange(Tensor tensor) {
        return tensor.isContiguous() && (!tensor.dtype().isPacked() || tensor.elements() % 2 == 0);
    }

    /// {@return the copy of one tensor into another of the same type and shape}
    ///
    /// @throws IllegalArgumentException if a tensor has more dimensions than the kernel, or packed
    ///   elements that are not whole bytes
    public static StreamAction copy(KernelFunctions functions, Tensor destination, Tensor source) {
        if (destination.elements() == 0) {
            return CudaWork.of();
        }
        if (isRange(destination) && isRange(source)) {
            long to = destination.address();
            long from = source.address();
            long bytes = destination.byteSize();
            return (driver, stream, faults) -> driver.copy(to, from, bytes, stream);
        }
        Params params =
                Params.of()
                        .address(destination)
                        .address(source)
                        .integer(elementBytes(destination))
                        .integer(units(destination));
        addDims(params, destination);
        addStrides(params, destination);
        addStrides(params, source);
        return CudaWork.of(
                params.launch(functions, "copy_strided", blocks(units(destination)), 1, BLOCK));
    }

    /// {@return the setting of every element to one value}
    ///
    /// @throws IllegalArgumentException as [#copy] throws it
    public static StreamAction fill(KernelFunctions functions, Tensor destination, double value) {
        if (destination.elements() == 0) {
            return CudaWork.of();
        }
        long bits = pattern(destination.dtype(), value);
        if (isRange(destination) && bits == (bits & 0xff) * repeated(destination.dtype())) {
            long to = destination.address();
            long bytes = destination.byteSize();
            return (driver, stream, faults) -> driver.fillBytes(to, (byte) bits, bytes, stream);
        }
        Params params =
                Params.of()
                        .address(destination)
                        .integer(bits)
                        .integer(elementBytes(destination))
                        .integer(units(destination));
        addDims(params, destination);
        addStrides(params, destination);
        return CudaWork.of(
                params.launch(functions, "fill_strided", blocks(units(destination)), 1, BLOCK));
    }

    /// {@return the bits of one element, for a packed type those of a byte of two}
    static long pattern(DType dtype, double value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bits = arena.allocate(8, 8);
            HostElements.set(bits, dtype, 0, value);
            if (dtype.isPacked()) {
                HostElements.set(bits, dtype, 1, value);
            }
            return bits.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /// {@return what a byte is multiplied by to fill an element with it}
    private static long repeated(DType dtype) {
        return dtype.bits() <= 8 ? 1 : 0x0101010101010101L >>> 64 - dtype.bits();
    }

    private static int elementBytes(Tensor tensor) {
        return tensor.dtype().isPacked() ? 1 : tensor.dtype().bits() / 8;
    }

    private static long units(Tensor tensor) {
        return tensor.dtype().isPacked() ? tensor.elements() / 2 : tensor.elements();
    }

    /// {@return enough blocks for a loop over that many elements}
    static int blocks(long units) {
        return (int) Math.clamp(Math.ceilDiv(units, BLOCK), 1, MOST_BLOCKS);
    }

    private static void addDims(Params params, Tensor tensor) {
        int rank = checkedRank(tensor);
        int last = rank - 1;
        for (int i = 0; i < MOST_DIMS; i++) {
            int at = i - (MOST_DIMS - rank);
            long dim = at < 0 ? 1 : tensor.dim(at);
            params.integer(tensor.dtype().isPacked() && at == last ? dim / 2 : dim);
        }
    }

    private static void addStrides(Params params, Tensor tensor) {
        int rank = checkedRank(tensor);
        int last = rank - 1;
        for (int i = 0; i < MOST_DIMS; i++) {
            int at = i - (MOST_DIMS - rank);
            long stride = at < 0 ? 0 : tensor.stride(at);
            params.integer(tensor.dtype().isPacked() && at != last ? stride / 2 : stride);
        }
    }

    private static int checkedRank(Tensor tensor) {
        if (tensor.rank() > MOST_DIMS) {
            throw new IllegalArgumentException(
                    "a strided copy or fill on a GPU takes at most "
                            + MOST_DIMS
                            + " dimensions, not those of "
                            + tensor
                            + "; merge some with reshape");
        }
        if (tensor.dtype().isPacked() && !isWholeBytes(tensor)) {
            throw new IllegalArgumentException(
                    "a strided copy or fill of "
                            + tensor
                            + " on a GPU would begin or end in the middle of a byte; its innermost"
                            + " dimension must be even, with stride 1, and every other stride"
                            + " even");
        }
        return tensor.rank();
    }

    private static boolean isWholeBytes(Tensor tensor) {
        if (tensor.rank() == 0 || tensor.dim(-1) % 2 != 0 || tensor.stride(-1) != 1) {
            return false;
        }
        for (int i = 0; i < tensor.rank() - 1; i++) {
            if (tensor.dim(i) > 1 && tensor.stride(i) % 2 != 0) {
                return false;
            }
        }
        return true;
    }
}

package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/// What a host stream does to tensors besides running kernels: every operation checks first, and
/// keeps the memory in place until it has finished.
final class HostTransfers {
    private HostTransfers() {}

    static void copy(Tensor destination, Tensor source) {
        StridedCopy.checkAlike(destination, source);
        if (!destination.buffer().isHostVisible() || !source.buffer().isHostVisible()) {
            throw new UnsupportedOperationException(
                    "a host stream copies host memory only; use a stream of "
                            + (destination.buffer().isHostVisible() ? source : destination)
                                    .arena()
                                    .device()
                                    .description()
                                    .id());
        }
        holding(
                destination,
                () ->
                        holding(
                                source,
                                () -> {
                                    StridedCopy.copy(destination, source);
                                    return 0;
                                }));
    }

    static void fill(Tensor destination, double value) {
        StridedCopy.checkWritable("fill", destination);
        holding(
                destination,
                () -> {
                    StridedCopy.fill(destination, value);
                    return 0;
                });
    }

    static void upload(Tensor destination, MemorySegment source) {
        checkBytes("upload", destination, source);
        StridedCopy.checkWritable("upload", destination);
        holding(destination, () -> destination.segment().copyFrom(source));
    }

    static void download(MemorySegment destination, Tensor source) {
        checkBytes("download", source, destination);
        holding(source, () -> destination.copyFrom(source.segment()));
    }

    private static void checkBytes(String operation, Tensor tensor, MemorySegment host) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException(
                    operation + " needs a contiguous tensor, not " + tensor + "; Copy makes it so");
        }
        if (tensor.byteSize() != host.byteSize()) {
            throw new IllegalArgumentException(
                    operation
                            + ": "
                            + tensor
                            + " has "
                            + tensor.byteSize()
                            + " bytes, the host segment "
                            + host.byteSize());
        }
    }

    static void write(Tensor destination, float[] values) {
        checkWrite(destination, values.length);
        holding(
                destination,
                () -> {
                    MemorySegment memory = destination.segment();
                    HostElements.forEach(
                            destination,
                            (number, position) ->
                                    HostElements.set(
                                            memory,
                                            destination.dtype(),
                                            position,
                                            values[(int) number]));
                    return 0;
                });
    }

    static void write(Tensor destination, int[] values) {
        checkWrite(destination, values.length);
        holding(
                destination,
                () -> {
                    MemorySegment memory = destination.segment();
                    HostElements.forEach(
                            destination,
                            (number, position) ->
                                    HostElements.set(
                                            memory,
                                            destination.dtype(),
                                            position,
                                            values[(int) number]));
                    return 0;
                });
    }

    private static void checkWrite(Tensor destination, int values) {
        if (destination.elements() != values) {
            throw new IllegalArgumentException(
                    "write: "
                            + destination
                            + " has "
                            + destination.elements()
                            + " elements, got "
                            + values);
        }
        StridedCopy.checkWritable("write", destination);
    }

    static float[] readFloats(Tensor source) {
        float[] values = new float[arrayLength(source)];
        return holding(
                source,
                () -> {
                    MemorySegment memory = source.segment();
                    HostElements.forEach(
                            source,
                            (number, position) ->
                                    values[(int) number] =
                                            (float)
                                                    HostElements.get(
                                                            memory, source.dtype(), position));
                    return values;
                });
    }

    static int[] readInts(Tensor source) {
        checkInteger("read", source);
        int[] values = new int[arrayLength(source)];
        return holding(
                source,
                () -> {
                    MemorySegment memory = source.segment();
                    HostElements.forEach(
                            source,
                            (number, position) ->
                                    values[(int) number] =
                                            Math.toIntExact(
                                                    (long)
                                                            HostElements.get(
                                                                    memory,
                                                                    source.dtype(),
                                                                    position)));
                    return values;
                });
    }

    private static int arrayLength(Tensor source) {
        if (source.elements() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "read: "
                            + source
                            + " has more elements than an array; read slices of it, or download its"
                            + " bytes");
        }
        return (int) source.elements();
    }

    private static void checkInteger(String operation, Tensor tensor) {
        if (tensor.dtype().isFloatingPoint()) {
            throw new IllegalArgumentException(
                    operation + " of integers needs an integer tensor, not " + tensor);
        }
    }

    /// Does something while the tensor's memory stays where it is, whatever other threads do to its
    /// arena.
    ///
    /// @throws IllegalStateException if the tensor is stale
    private static <T> T holding(Tensor tensor, Supplier<T> work) {
        if (!(tensor.buffer() instanceof HostBuffer own)) {
            return work.get();
        }
        own.enter();
        try {
            return work.get();
        } finally {
            own.leave();
        }
    }
}

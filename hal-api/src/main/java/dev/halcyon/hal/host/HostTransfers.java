package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.TransferChecks;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/// What a host stream does to tensors besides running kernels: every operation checks first, and
/// keeps the memory in place until it has finished.
final class HostTransfers {
    private HostTransfers() {}

    static void copy(Tensor destination, Tensor source) {
        TransferChecks.alike(destination, source);
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
        TransferChecks.writable("fill", destination);
        holding(
                destination,
                () -> {
                    StridedCopy.fill(destination, value);
                    return 0;
                });
    }

    static void upload(Tensor destination, MemorySegment source) {
        TransferChecks.bytes("upload", destination, source);
        TransferChecks.writable("upload", destination);
        holding(destination, () -> destination.segment().copyFrom(source));
    }

    static void download(MemorySegment destination, Tensor source) {
        TransferChecks.bytes("download", source, destination);
        holding(source, () -> destination.copyFrom(source.segment()));
    }

    static void write(Tensor destination, float[] values) {
        TransferChecks.count(destination, values.length);
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
        TransferChecks.count(destination, values.length);
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

    static float[] readFloats(Tensor source) {
        float[] values = new float[TransferChecks.arrayLength(source)];
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
        TransferChecks.integer("read", source);
        int[] values = new int[TransferChecks.arrayLength(source)];
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

package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.kernels.StridedTransfers;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// What a stream does to tensors besides running kernels; the stream has checked whose they are and
/// keeps their memory.
final class StreamTransfers {
    private final CudaDevice device;
    private final long stream;
    private final String label;
    private @Nullable Staging staging;

    StreamTransfers(CudaDevice device, long stream, String label) {
        this.device = device;
        this.stream = stream;
        this.label = label;
    }

    private Staging staging() {
        Staging own = staging;
        if (own == null) {
            own = new Staging(device.context(), device.pieces(), "staging of stream " + label);
            staging = own;
        }
        return own;
    }

    void copy(CudaDriver driver, Tensor destination, Tensor source) {
        StridedTransfers.copy(device.functions(), destination, source).enqueue(driver, stream, 0);
    }

    void fill(CudaDriver driver, Tensor destination, double value) {
        StridedTransfers.fill(device.functions(), destination, value).enqueue(driver, stream, 0);
    }

    void upload(CudaDriver driver, long address, MemorySegment source) {
        Staging halves = source.byteSize() == 0 ? null : staging();
        for (long done = 0; halves != null && done < source.byteSize(); ) {
            long length = Math.min(halves.capacity(), source.byteSize() - done);
            MemorySegment half = halves.acquire();
            MemorySegment.copy(source, done, half, 0, length);
            driver.copy(address + done, half.address(), length, stream);
            halves.submitted(driver, stream);
            done += length;
        }
    }

    void download(CudaDriver driver, MemorySegment destination, long address) {
        Staging halves = destination.byteSize() == 0 ? null : staging();
        for (long done = 0; halves != null && done < destination.byteSize(); ) {
            long length = Math.min(halves.capacity(), destination.byteSize() - done);
            MemorySegment half = halves.acquire();
            driver.copy(half.address(), address + done, length, stream);
            driver.synchronizeStream(stream);
            MemorySegment.copy(half, 0, destination, done, length);
            done += length;
        }
    }

    /// Receives the number of an element and answers its value.
    @FunctionalInterface
    interface Values {
        double at(int number);
    }

    /// Converts on the host, then copies; a strided destination by way of the range it spans.
    void write(CudaDriver driver, Tensor destination, Values values) {
        if (destination.elements() == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment span = arena.allocate(destination.byteSize(), 64);
            if (!StridedTransfers.isRange(destination)) {
                // What lies between the elements is written back as it was.
                download(driver, span, destination.address());
            }
            HostElements.forEach(
                    destination,
                    (number, position) ->
                            HostElements.set(
                                    span, destination.dtype(), position, values.at((int) number)));
            upload(driver, destination.address(), span);
        }
    }

    /// Copies the range that a tensor spans, then converts on the host.
    void read(CudaDriver driver, Tensor source, Elements elements) {
        if (source.elements() == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment span = arena.allocate(source.byteSize(), 64);
            download(driver, span, source.address());
            HostElements.forEach(
                    source,
                    (number, position) ->
                            elements.set(
                                    (int) number,
                                    HostElements.get(span, source.dtype(), position)));
        }
    }

    /// Receives the elements of a tensor in row-major order.
    @FunctionalInterface
    interface Elements {
        void set(int number, double value);
    }

    void close() {
        if (staging != null) {
            staging.close();
        }
    }
}

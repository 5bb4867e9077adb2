package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.Buffer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.TransferChecks;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// What a stream does to tensors besides running kernels.
///
/// Host bytes go by way of pinned memory, without which a copy would not be part of the stream's
/// order. Views with gaps are gathered or spread on the device.
final class StreamTransfers {
    private static final long STAGE_BYTES = 8L << 20;

    private final AscendDevice device;
    private final AscendStream stream;
    private final StreamClock clock;

    StreamTransfers(AscendDevice device, AscendStream stream, StreamClock clock) {
        this.device = device;
        this.stream = stream;
        this.clock = clock;
    }

    void copy(Tensor destination, Tensor source) {
        boolean toDevice = isDeviceMemory(destination);
        boolean fromDevice = isDeviceMemory(source);
        if (toDevice && fromDevice) {
            use(destination);
            use(source);
            stream.issue(BitTransfer.copy(device.platform(), destination, source), false);
        } else if (toDevice) {
            requireHost(source);
            MemorySegment bytes = dense(source);
            put(destination, bytes);
        } else if (fromDevice) {
            requireHost(destination);
            MemorySegment bytes = MemorySegment.ofArray(new byte[length(source)]);
            get(bytes, source);
            spread(bytes, destination);
        } else {
            requireHost(source);
            requireHost(destination);
            stream.drain();
            spread(dense(source), destination);
        }
    }

    private boolean isDeviceMemory(Tensor tensor) {
        return tensor.arena().device() == device && !tensor.buffer().isHostVisible();
    }

    private static void requireHost(Tensor tensor) {
        if (!tensor.buffer().isHostVisible()) {
            throw new UnsupportedOperationException(
                    "a stream of this device copies its own and host memory only, not memory of "
                            + tensor.arena().device().description().id()
                            + "; download it there first");
        }
    }

    void fill(Tensor destination, double value) {
        if (!isDeviceMemory(destination)) {
            stream.drain();
            MemorySegment memory = destination.segment();
            HostElements.forEach(
                    destination,
                    (number, position) ->
                            HostElements.set(memory, destination.dtype(), position, value));
            return;
        }
        use(destination);
        stream.issue(BitTransfer.fill(device.platform(), destination, value), false);
    }

    void upload(Tensor destination, MemorySegment source) {
        TransferChecks.bytes("upload", destination, source);
        TransferChecks.writable("upload", destination);
        put(destination, source);
    }

    void download(MemorySegment destination, Tensor source) {
        TransferChecks.bytes("download", source, destination);
        get(destination, source);
    }

    void write(Tensor destination, float[] values) {
        TransferChecks.count(destination, values.length);
        MemorySegment bytes = MemorySegment.ofArray(new byte[length(destination)]);
        for (int i = 0; i < values.length; i++) {
            HostElements.set(bytes, destination.dtype(), i, values[i]);
        }
        put(destination, bytes);
    }

    void write(Tensor destination, int[] values) {
        TransferChecks.count(destination, values.length);
        MemorySegment bytes = MemorySegment.ofArray(new byte[length(destination)]);
        for (int i = 0; i < values.length; i++) {
            HostElements.set(bytes, destination.dtype(), i, values[i]);
        }
        put(destination, bytes);
    }

    float[] readFloats(Tensor source) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[length(source)]);
        get(bytes, source);
        float[] values = new float[Math.toIntExact(source.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) HostElements.get(bytes, source.dtype(), i);
        }
        return values;
    }

    int[] readInts(Tensor source) {
        TransferChecks.integer("read", source);
        MemorySegment bytes = MemorySegment.ofArray(new byte[length(source)]);
        get(bytes, source);
        int[] values = new int[Math.toIntExact(source.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.toIntExact((long) HostElements.get(bytes, source.dtype(), i));
        }
        return values;
    }

    private static int length(Tensor tensor) {
        long bytes = tensor.dtype().bytes(tensor.elements());
        if (bytes > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(
                    tensor
                            + " has more bytes than an array; read or write slices of it, or its"
                            + " bytes with upload and download");
        }
        return (int) bytes;
    }

    void publish(AscendStepInput input) {
        Tensor tensor = input.tensor();
        long from = input.address();
        use(tensor);
        if (tensor.byteSize() > 0) {
            queue(tensor.address(), from, tensor.byteSize(), MemcpyKind.HOST_TO_DEVICE);
        }
        input.published(clock.next());
        clock.advance(false);
    }

    /// Writes dense bytes into a tensor of any strides.
    private void put(Tensor destination, MemorySegment bytes) {
        if (!isDeviceMemory(destination)) {
            stream.drain();
            requireAlive(destination);
            spread(bytes, destination);
            return;
        }
        use(destination);
        if (bytes.byteSize() == 0) {
            clock.advance(false);
        } else if (destination.isContiguous()) {
            stage(destination.address(), bytes);
        } else {
            Block dense = device.memory().take(bytes.byteSize());
            stage(dense.address(), bytes);
            View view = BitTransfer.bits(destination);
            Composition spread = Composition.withoutScratch(device.platform());
            spread.copy(View.at(dense.address(), view.type(), view.dims()), view);
            device.memory().give(dense, List.of(clock.next()));
            stream.issue(spread.work().tasks(), false);
        }
    }

    private void stage(long address, MemorySegment bytes) {
        for (long done = 0; done < bytes.byteSize(); done += STAGE_BYTES) {
            long size = Math.min(STAGE_BYTES, bytes.byteSize() - done);
            Block pinned = device.pinned().take(size);
            MemorySegment.copy(bytes, done, segment(pinned, size), 0, size);
            queue(address + done, pinned.address(), size, MemcpyKind.HOST_TO_DEVICE);
            device.pinned().give(pinned, List.of(clock.next()));
            clock.advance(false);
        }
    }

    /// Reads a tensor of any strides as dense bytes, when all work before has passed.
    private void get(MemorySegment bytes, Tensor source) {
        if (!isDeviceMemory(source)) {
            stream.drain();
            requireAlive(source);
            bytes.copyFrom(dense(source));
            return;
        }
        use(source);
        if (bytes.byteSize() == 0) {
            stream.drain();
        } else if (source.isContiguous()) {
            fetch(bytes, source.address());
        } else {
            View view = BitTransfer.bits(source);
            Block dense = device.memory().take(bytes.byteSize());
            Composition gather = Composition.withoutScratch(device.platform());
            gather.copy(view, View.at(dense.address(), view.type(), view.dims()));
            try {
                stream.issue(gather.work().tasks(), false);
                fetch(bytes, dense.address());
            } finally {
                device.memory().give(dense, List.of(clock.use(clock.submitted())));
            }
        }
    }

    private void fetch(MemorySegment bytes, long address) {
        for (long done = 0; done < bytes.byteSize(); done += STAGE_BYTES) {
            long size = Math.min(STAGE_BYTES, bytes.byteSize() - done);
            Block pinned = device.pinned().take(size);
            try {
                queue(pinned.address(), address + done, size, MemcpyKind.DEVICE_TO_HOST);
                clock.advance(false);
                stream.drain();
                MemorySegment.copy(segment(pinned, size), 0, bytes, done, size);
            } finally {
                device.pinned().give(pinned, List.of(clock.use(clock.submitted())));
            }
        }
    }

    private void queue(long to, long from, long bytes, MemcpyKind kind) {
        device.context()
                .check(
                        device.context()
                                .runtime()
                                .memcpyAsync(to, from, bytes, kind, stream.stream()),
                        "aclrtMemcpyAsync on stream \"" + stream.label() + "\"",
                        "");
    }

    private static MemorySegment segment(Block block, long bytes) {
        return MemorySegment.ofAddress(block.address()).reinterpret(bytes);
    }

    /// Notes the use of a tensor's memory.
    private void use(Tensor tensor) {
        AscendBuffer buffer = (AscendBuffer) tensor.buffer();
        if (!buffer.arena().use(buffer.epoch(), clock)) {
            throw buffer.stale();
        }
    }

    private static void requireAlive(Tensor tensor) {
        Buffer buffer = tensor.buffer();
        if (!buffer.isAlive() && buffer instanceof AscendBuffer own) {
            throw own.stale();
        }
    }

    /// {@return the elements of a host tensor one behind the other}
    private static MemorySegment dense(Tensor source) {
        MemorySegment memory = source.segment();
        if (source.isContiguous()) {
            return memory;
        }
        DType dtype = source.dtype();
        MemorySegment bytes = MemorySegment.ofArray(new byte[length(source)]);
        HostElements.forEach(
                source, (number, position) -> move(bytes, number, memory, position, dtype));
        return bytes;
    }

    private static void spread(MemorySegment bytes, Tensor destination) {
        MemorySegment memory = destination.segment();
        if (destination.isContiguous()) {
            memory.copyFrom(bytes);
            return;
        }
        DType dtype = destination.dtype();
        HostElements.forEach(
                destination, (number, position) -> move(memory, position, bytes, number, dtype));
    }

    private static void move(
            MemorySegment to, long toIndex, MemorySegment from, long fromIndex, DType dtype) {
        if (dtype.isPacked()) {
            HostElements.set(to, dtype, toIndex, HostElements.get(from, dtype, fromIndex));
        } else {
            int bytes = dtype.bits() / 8;
            MemorySegment.copy(from, fromIndex * bytes, to, toIndex * bytes, bytes);
        }
    }
}

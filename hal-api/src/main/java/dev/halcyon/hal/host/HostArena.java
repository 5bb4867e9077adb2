package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/// An arena of host memory.
final class HostArena implements DeviceArena {
    private final HostDevice device;
    private final String label;
    private final ThreadOwnership ownership;
    private final @Nullable Throwable creation;
    private volatile long epoch = 1;
    private volatile boolean closed;
    private volatile HostMemory memory;

    HostArena(HostDevice device, String label) {
        this.device = device;
        this.label = label;
        this.ownership = new ThreadOwnership("arena \"" + label + "\"", device.options().checkThreads());
        this.creation = device.options().traceAllocations() ? new Throwable("created here") : null;
        this.memory = new HostMemory(device, label);
    }

    @Override
    public HostDevice device() {
        return device;
    }

    @Override
    public String label() {
        return label;
    }

    @Nullable Throwable creation() {
        return creation;
    }

    HostMemory memory() {
        return memory;
    }

    @Override
    public Tensor tensor(DType dtype, Shape shape) {
        checkOpen();
        return Tensor.of(new HostBuffer(this, memory.allocate(dtype.bytes(shape.elements()))), 0, dtype, shape);
    }

    @Override
    public Tensor map(FileChannel channel, long offset, DType dtype, Shape shape) throws IOException {
        checkOpen();
        long bytes = dtype.bytes(shape.elements());
        long size = channel.size();
        if (offset < 0 || offset > size - bytes) {
            throw new IllegalArgumentException(dtype + " " + shape + " needs bytes " + offset + " to "
                    + (offset + bytes) + ", the file has " + size + "; is it truncated?");
        }
        if (offset % dtype.alignment() != 0) {
            throw new IllegalArgumentException("file offset " + offset + " is not a multiple of the "
                    + dtype.alignment() + " bytes of " + dtype
                    + "; read the bytes and stream.upload them into a tensor of the arena");
        }
        MemorySegment segment = bytes == 0 ? memory.allocate(0) : memory.map(channel, offset, bytes);
        return Tensor.of(new HostBuffer(this, segment), 0, dtype, shape);
    }

    @Override
    public StepInput stepInput(DType dtype, long... dims) {
        return new HostStepInput(tensor(dtype, dims), tensor(dtype, dims));
    }

    @Override
    public long bytesInUse() {
        return closed ? 0 : memory.bytesInUse();
    }

    @Override
    public long bytesReserved() {
        return closed ? 0 : memory.reserved();
    }

    @Override
    public long epoch() {
        return epoch;
    }

    @Override
    public boolean isAlive() {
        return !closed;
    }

    @Override
    public void reset() {
        checkOpen();
        epoch = epoch + 1;
        HostMemory current = memory;
        if (!current.reset()) {
            memory = new HostMemory(device, label);
            current.abandon();
        }
    }

    @Override
    public void close() {
        ownership.check();
        if (closed) {
            return;
        }
        closed = true;
        epoch = epoch + 1;
        memory.abandon();
        device.forget(this);
    }

    private void checkOpen() {
        ownership.check();
        if (closed) {
            throw new IllegalStateException("arena \"" + label + "\" is closed");
        }
    }
}

package dev.halcyon.backend.cuda;

import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.ThreadOwnership;
import dev.halcyon.hal.spi.TransferChecks;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/// An arena of device memory, or of pinned host memory.
///
/// Work enters the epoch it was bound in and leaves it once it is submitted; a reset or close
/// during that time leaves the old memory to the work.
final class CudaArena implements DeviceArena {
    /// Memory that was given up while somebody was submitting work of the epochs `from` to `until -
    /// 1`.
    private record Retired(ArenaMemory memory, long from, long until) {}

    private final CudaDevice device;
    private final String label;
    private final boolean pinned;
    private final ThreadOwnership ownership;
    private final List<Retired> retired = new ArrayList<>(0);
    private volatile long epoch = 1;
    private volatile boolean closed;
    private ArenaMemory memory;
    private @Nullable ArenaMemory versions;
    private long memoryFrom = 1;

    CudaArena(CudaDevice device, String label, boolean pinned) {
        this.device = device;
        this.label = label;
        this.pinned = pinned;
        this.ownership =
                new ThreadOwnership("arena \"" + label + "\"", device.options().checkThreads());
        this.memory = device.newMemory(label, pinned);
    }

    @Override
    public CudaDevice device() {
        return device;
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public Tensor tensor(DType dtype, Shape shape) {
        begin("tensor");
        try {
            return Tensor.of(allocate(bytes(dtype, shape), true), 0, dtype, shape);
        } finally {
            ownership.leave();
        }
    }

    private long bytes(DType dtype, Shape shape) {
        long bytes;
        try {
            bytes = dtype.bytes(shape.elements());
        } catch (ArithmeticException overflow) {
            bytes = Long.MAX_VALUE;
        }
        if (bytes > Long.MAX_VALUE / 2) {
            throw new OutOfDeviceMemoryException(
                    Failure.of(
                            device.description().id(),
                            "allocate in arena \"" + label + "\"",
                            dtype + " " + shape + " has more bytes than any device",
                            "plan with smaller bounds"));
        }
        return bytes;
    }

    private synchronized CudaBuffer allocate(long bytes, boolean writable) {
        checkOpen("tensor");
        device.releases().poll();
        long address = memory.allocate(bytes);
        return new CudaBuffer(
                this, address, bytes, writable, pinned ? memory.view(address, bytes) : null);
    }

    @Override
    public Tensor map(FileChannel channel, long offset, DType dtype, Shape shape)
            throws IOException {
        begin("map");
        try {
            long bytes = TransferChecks.mappableBytes(channel, offset, dtype, shape);
            CudaBuffer buffer = allocate(bytes, false);
            if (bytes > 0) {
                device.files().copy(channel, offset, bytes, buffer.address());
            }
            return Tensor.of(buffer, 0, dtype, shape);
        } finally {
            ownership.leave();
        }
    }

    @Override
    public StepInput stepInput(DType dtype, long... dims) {
        Tensor tensor = tensor(dtype, dims);
        begin("stepInput");
        try {
            return new CudaStepInput(tensor, newVersions(tensor.byteSize()));
        } finally {
            ownership.leave();
        }
    }

    private synchronized CudaBuffer[] newVersions(long bytes) {
        checkOpen("stepInput");
        ArenaMemory own = versions;
        if (own == null) {
            own = device.newMemory("step inputs of " + label, true);
            versions = own;
        }
        CudaBuffer[] ring = new CudaBuffer[CudaStepInput.VERSIONS];
        for (int i = 0; i < ring.length; i++) {
            long address = own.allocate(bytes);
            ring[i] = new CudaBuffer(this, address, bytes, true, own.view(address, bytes));
        }
        return ring;
    }

    @Override
    public synchronized long bytesInUse() {
        return closed ? 0 : memory.bytesInUse();
    }

    @Override
    public synchronized long bytesReserved() {
        return closed ? 0 : memory.reserved() + (versions == null ? 0 : versions.reserved());
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
        begin("reset");
        try {
            moveOn();
        } finally {
            ownership.leave();
        }
    }

    private synchronized void moveOn() {
        epoch = epoch + 1;
        if (versions != null && !versions.reset()) {
            device.releases().add(versions.abandon());
            versions = null;
        }
        if (!memory.isInFlight() && memory.reset()) {
            return;
        }
        retire(memory);
        memory = device.newMemory(label, pinned);
        memoryFrom = epoch;
    }

    private void retire(ArenaMemory old) {
        if (old.isInFlight()) {
            retired.add(new Retired(old, memoryFrom, epoch));
        } else {
            device.releases().add(old.abandon());
        }
    }

    @Override
    public void close() {
        ownership.enter("close");
        try {
            giveUp();
        } finally {
            ownership.leave();
        }
        device.resources().forget(this);
    }

    private synchronized void giveUp() {
        if (closed) {
            return;
        }
        closed = true;
        epoch = epoch + 1;
        if (versions != null) {
            device.releases().add(versions.abandon());
        }
        retire(memory);
    }

    /// Does something once this epoch is over and no work uses its memory any more.
    ///
    /// @throws IllegalStateException if the arena is closed
    synchronized void attach(Runnable atEnd) {
        checkOpen("record");
        memory.attach(atEnd);
    }

    /// Does something once the step inputs of this epoch are given up.
    synchronized void attachVersion(Runnable atEnd) {
        ArenaMemory own = versions;
        if (own == null) {
            throw new IllegalStateException("arena \"" + label + "\" has no step inputs");
        }
        own.attach(atEnd);
    }

    /// Keeps the memory of an epoch for work of a stream until [#leave] is called with the same
    /// epoch.
    ///
    /// @return whether the arena is open and in that epoch; if not, nothing is kept
    synchronized boolean enter(long wanted, CudaStream stream) {
        if (closed || epoch != wanted) {
            return false;
        }
        memory.enter(stream);
        if (versions != null) {
            versions.enter(stream);
            versions.leave();
        }
        return true;
    }

    /// Ends what [#enter] began.
    synchronized void leave(long entered) {
        if (entered >= memoryFrom && !closed) {
            memory.leave();
            return;
        }
        if (entered >= memoryFrom) {
            leaveAndRelease(memory);
            return;
        }
        for (int i = 0; i < retired.size(); i++) {
            Retired old = retired.get(i);
            if (old.from() <= entered && entered < old.until()) {
                leaveAndRelease(old.memory());
                return;
            }
        }
    }

    private void leaveAndRelease(ArenaMemory old) {
        old.leave();
        if (!old.isInFlight()) {
            retired.removeIf(entry -> entry.memory() == old);
            device.releases().add(old.abandon());
        }
    }

    /// Enters every arena, in order.
    ///
    /// @return how many it could enter; fewer than all if one is stale
    static int enterAll(ArenaEpochs arenas, CudaStream stream) {
        int entered = 0;
        while (entered < arenas.count()
                && ((CudaArena) arenas.arena(entered)).enter(arenas.epoch(entered), stream)) {
            entered++;
        }
        return entered;
    }

    /// Leaves the first `entered` arenas.
    static void leaveAll(ArenaEpochs arenas, int entered) {
        for (int i = entered - 1; i >= 0; i--) {
            ((CudaArena) arenas.arena(i)).leave(arenas.epoch(i));
        }
    }

    private void begin(String operation) {
        ownership.enter(operation);
        try {
            checkOpen(operation);
        } catch (IllegalStateException shut) {
            ownership.leave();
            throw shut;
        }
    }

    private void checkOpen(String operation) {
        if (closed) {
            throw new IllegalStateException(
                    operation + " in arena \"" + label + "\", which is closed");
        }
    }
}

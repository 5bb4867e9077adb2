package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.ThreadOwnership;
import dev.halcyon.hal.spi.TransferChecks;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/// An arena of host memory.
///
/// Work enters the epoch it was bound in and leaves it when it has finished; a reset during that
/// time leaves the old memory to the work and takes other.
final class HostArena implements DeviceArena {
    /// Memory that was given up while work of the epochs `from` to `until - 1` was in flight.
    private record Retired(HostMemory memory, long from, long until) {}

    private final HostDevice device;
    private final String label;
    private final ThreadOwnership ownership;
    private final List<Retired> retired = new ArrayList<>(0);
    private volatile long epoch = 1;
    private volatile boolean closed;
    private HostMemory memory;
    private long memoryFrom = 1;

    HostArena(HostDevice device, String label) {
        this.device = device;
        this.label = label;
        this.ownership =
                new ThreadOwnership("arena \"" + label + "\"", device.options().checkThreads());
        this.memory = new HostMemory(device.allocator(), label);
    }

    @Override
    public HostDevice device() {
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
            return Tensor.of(allocate(bytes(dtype, shape)), 0, dtype, shape);
        } finally {
            ownership.leave();
        }
    }

    private long bytes(DType dtype, Shape shape) {
        try {
            return dtype.bytes(shape.elements());
        } catch (ArithmeticException overflow) {
            throw device.allocator()
                    .outOfMemory(
                            label,
                            dtype + " " + shape + ", more bytes than a long can count,",
                            overflow);
        }
    }

    private synchronized HostBuffer allocate(long bytes) {
        checkOpen("tensor");
        return new HostBuffer(this, memory.allocate(bytes));
    }

    @Override
    public Tensor map(FileChannel channel, long offset, DType dtype, Shape shape)
            throws IOException {
        begin("map");
        try {
            long bytes = TransferChecks.mappableBytes(channel, offset, dtype, shape);
            return Tensor.of(
                    bytes == 0 ? allocate(0) : mapped(channel, offset, bytes), 0, dtype, shape);
        } finally {
            ownership.leave();
        }
    }

    private synchronized HostBuffer mapped(FileChannel channel, long offset, long bytes)
            throws IOException {
        checkOpen("map");
        return new HostBuffer(this, memory.map(channel, offset, bytes));
    }

    @Override
    public StepInput stepInput(DType dtype, long... dims) {
        return new HostStepInput(tensor(dtype, dims), tensor(dtype, dims));
    }

    @Override
    public synchronized long bytesInUse() {
        return closed ? 0 : memory.bytesInUse();
    }

    @Override
    public synchronized long bytesReserved() {
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
        begin("reset");
        try {
            moveOn();
        } finally {
            ownership.leave();
        }
    }

    private synchronized void moveOn() {
        epoch = epoch + 1;
        if (memory.isIdle() && !memory.isWasteful()) {
            memory.reset();
            return;
        }
        HostMemory old = memory;
        if (!old.isIdle()) {
            retired.add(new Retired(old, memoryFrom, epoch));
        }
        memory = new HostMemory(device.allocator(), label);
        memoryFrom = epoch;
        old.abandon();
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
        if (!closed) {
            closed = true;
            epoch = epoch + 1;
            memory.abandon();
        }
    }

    /// Keeps the memory of an epoch until [#leave] is called with the same one.
    ///
    /// @return whether the arena is open and in that epoch; if not, nothing is kept
    synchronized boolean enter(long wanted) {
        if (closed || epoch != wanted) {
            return false;
        }
        memory.enter();
        return true;
    }

    /// Ends what [#enter] began.
    synchronized void leave(long entered) {
        if (entered >= memoryFrom) {
            memory.leave();
            return;
        }
        for (int i = 0; i < retired.size(); i++) {
            Retired old = retired.get(i);
            if (old.from() <= entered && entered < old.until()) {
                old.memory().leave();
                if (old.memory().isIdle()) {
                    retired.remove(i);
                }
                return;
            }
        }
    }

    /// Enters every arena of a device of this kind, in order.
    ///
    /// @return how many it could enter; fewer than all if one is stale
    static int enterAll(ArenaEpochs arenas) {
        int entered = 0;
        while (entered < arenas.count()
                && ((HostArena) arenas.arena(entered)).enter(arenas.epoch(entered))) {
            entered++;
        }
        return entered;
    }

    /// Leaves the first `entered` arenas.
    static void leaveAll(ArenaEpochs arenas, int entered) {
        for (int i = entered - 1; i >= 0; i--) {
            ((HostArena) arenas.arena(i)).leave(arenas.epoch(i));
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

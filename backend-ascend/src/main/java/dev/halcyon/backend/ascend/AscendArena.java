package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.BlockPool;
import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.backend.ascend.operators.HostNumbers;
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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/// An arena of device memory, or of pinned host memory.
///
/// Streams note with which work they used it last; memory that is given up goes back to the pool
/// with these notes, which keeps it until that work has passed.
final class AscendArena implements DeviceArena {
    /// Where a stream will have come when it no longer uses this memory.
    private static final class Use implements LastUse {
        private final StreamClock clock;
        private volatile long sequence;

        Use(StreamClock clock, long sequence) {
            this.clock = clock;
            this.sequence = sequence;
        }

        @Override
        public boolean hasPassed() {
            return clock.hasPassed(sequence);
        }
    }

    private final AscendDevice device;
    private final String label;
    private final BlockPool pool;
    private final boolean host;
    private final ThreadOwnership ownership;
    private final List<Runnable> onRelease = new ArrayList<>();
    private final List<AscendStepInput> stepInputs = new ArrayList<>();
    private volatile long epoch = 1;
    private volatile boolean closed;
    private ArenaBlocks blocks;
    private List<Use> uses = new ArrayList<>();
    private @Nullable Arena hostLife;

    AscendArena(AscendDevice device, String label, BlockPool pool, boolean host) {
        this.device = device;
        this.label = label;
        this.pool = pool;
        this.host = host;
        this.ownership =
                new ThreadOwnership("arena \"" + label + "\"", device.options().checkThreads());
        this.blocks = new ArenaBlocks(pool);
        this.hostLife = host ? Arena.ofShared() : null;
    }

    @Override
    public AscendDevice device() {
        return device;
    }

    @Override
    public String label() {
        return label;
    }

    boolean isHost() {
        return host;
    }

    synchronized @Nullable Arena hostLife() {
        return hostLife;
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
            throw tooMuch(dtype + " " + shape + ", more bytes than a long can count,", overflow);
        }
        if (bytes > Long.MAX_VALUE / 2) {
            throw tooMuch(bytes + " bytes", null);
        }
        return bytes;
    }

    private OutOfDeviceMemoryException tooMuch(String wanted, @Nullable Throwable cause) {
        return new OutOfDeviceMemoryException(
                Failure.of(
                        device.description().id(),
                        "allocate in arena \"" + label + "\"",
                        "the device has no " + wanted + " left",
                        "close arenas, or plan with smaller bounds; counters().bytesReserved() says"
                                + " what is held"),
                cause);
    }

    private synchronized AscendBuffer allocate(long bytes, boolean writable) {
        checkOpen("tensor");
        long before = blocks.reserved();
        long address = blocks.allocate(bytes);
        device.accountArena(label, blocks.reserved() - before);
        return new AscendBuffer(this, address, bytes, writable);
    }

    @Override
    public Tensor map(FileChannel channel, long offset, DType dtype, Shape shape)
            throws IOException {
        begin("map");
        try (Arena file = Arena.ofConfined()) {
            long bytes = TransferChecks.mappableBytes(channel, offset, dtype, shape);
            AscendBuffer buffer = allocate(bytes, false);
            if (bytes > 0) {
                MemorySegment content =
                        channel.map(FileChannel.MapMode.READ_ONLY, offset, bytes, file);
                if (host) {
                    buffer.segment().copyFrom(content);
                } else {
                    device.copyNow(
                            buffer.address(), content.address(), bytes, MemcpyKind.HOST_TO_DEVICE);
                }
            }
            return Tensor.of(buffer, 0, dtype, shape);
        } finally {
            ownership.leave();
        }
    }

    @Override
    public StepInput stepInput(DType dtype, long... dims) {
        Tensor tensor = tensor(dtype, dims);
        synchronized (this) {
            checkOpen("stepInput");
            AscendStepInput input = new AscendStepInput(tensor, device);
            onRelease.add(input::release);
            stepInputs.add(input);
            return input;
        }
    }

    /// {@return what the host knows of a tensor; null if it is none of a step input}
    synchronized @Nullable HostNumbers hostNumbers(Tensor tensor) {
        if (tensor.elements() == 0 || !tensor.isContiguous()) {
            return null;
        }
        return stepInputs.stream()
                .filter(input -> input.covers(tensor))
                .findFirst()
                .map(input -> input.numbers(tensor))
                .orElse(null);
    }

    @Override
    public synchronized long bytesInUse() {
        return closed ? 0 : blocks.bytesInUse();
    }

    @Override
    public synchronized long bytesReserved() {
        return closed ? 0 : blocks.reserved();
    }

    @Override
    public long epoch() {
        return epoch;
    }

    @Override
    public boolean isAlive() {
        return !closed;
    }

    /// {@return where the streams will have come that use this epoch's memory}
    synchronized List<LastUse> uses() {
        return List.copyOf(uses);
    }

    /// Adds what to do when this epoch ends; it runs under the arena's lock.
    synchronized void onRelease(Runnable action) {
        checkOpen("record");
        onRelease.add(action);
    }

    @Override
    public void reset() {
        begin("reset");
        try {
            synchronized (this) {
                epoch = epoch + 1;
                release();
                if (blocks.isWasteful() || !allPassed()) {
                    giveBlocks();
                    blocks = new ArenaBlocks(pool);
                } else {
                    blocks.reset();
                }
                uses = new ArrayList<>();
            }
        } finally {
            ownership.leave();
        }
    }

    private boolean allPassed() {
        for (Use use : uses) {
            if (!use.hasPassed()) {
                return false;
            }
        }
        return true;
    }

    private void release() {
        onRelease.forEach(Runnable::run);
        onRelease.clear();
        stepInputs.clear();
    }

    private void giveBlocks() {
        for (Block block : blocks.blocks()) {
            pool.give(block, uses);
        }
        device.accountArena(label, -blocks.reserved());
    }

    @Override
    public void close() {
        ownership.enter("close");
        try {
            synchronized (this) {
                if (!closed) {
                    closed = true;
                    epoch = epoch + 1;
                    release();
                    giveBlocks();
                    if (hostLife != null) {
                        hostLife.close();
                    }
                }
            }
        } finally {
            ownership.leave();
        }
        device.resources().forget(this);
    }

    /// Notes that a stream uses this arena with the work that it is given next.
    ///
    /// @return whether the arena is open and in that epoch; if not, nothing is noted
    synchronized boolean use(long wanted, StreamClock clock) {
        if (closed || epoch != wanted) {
            return false;
        }
        long sequence = clock.submitted() + 1;
        for (Use use : uses) {
            if (use.clock == clock) {
                use.sequence = sequence;
                return true;
            }
        }
        uses.add(new Use(clock, sequence));
        return true;
    }

    /// Notes the use of every arena of a launch or graph.
    ///
    /// @return the label of the first that is stale; empty if none is
    static String useAll(ArenaEpochs arenas, StreamClock clock) {
        for (int i = 0; i < arenas.count(); i++) {
            if (!((AscendArena) arenas.arena(i)).use(arenas.epoch(i), clock)) {
                return arenas.arena(i).label();
            }
        }
        return "";
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

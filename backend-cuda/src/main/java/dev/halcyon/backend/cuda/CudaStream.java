package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.graph.CudaGraph;
import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.event.ReplayEvent;
import dev.halcyon.hal.event.SubmitEvent;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.BoundLaunch;
import dev.halcyon.hal.spi.StaleMemory;
import dev.halcyon.hal.spi.StreamGate;
import dev.halcyon.hal.spi.StreamWorkspace;
import dev.halcyon.hal.spi.TransferChecks;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.Consumer;

/// A stream of the driver that does not wait for the legacy stream.
final class CudaStream implements Stream {
    private static final System.Logger LOGGER = System.getLogger(CudaStream.class.getName());
    private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE / 1_000_000_000L);

    private final CudaDevice device;
    private final CudaContext context;
    private final String label;
    private final long handle;
    private final FaultRecord faults;
    private final StreamFailure failure;
    private final StreamClock clock;
    private final StreamTransfers transfers;
    private final StreamGate gate;
    private final StreamWorkspace workspace;
    private boolean mayHaveFaults;
    private long sequence;

    CudaStream(CudaDevice device, String label) {
        this.device = device;
        this.context = device.context();
        this.label = label;
        this.gate = new StreamGate(label, device.options(), this::checkNotFailed);
        this.workspace = new StreamWorkspace(device, label);
        this.handle = context.ask("create stream", CudaDriver::createStream);
        this.faults = device.faultRecords().take();
        context.run("create stream", driver -> faults.clear(driver, handle));
        this.failure = new StreamFailure(device, label, faults);
        this.clock = new StreamClock(context);
        this.transfers = new StreamTransfers(device, handle, label);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public String label() {
        return label;
    }

    long handle() {
        return handle;
    }

    StreamClock clock() {
        return clock;
    }

    StreamFailure failure() {
        return failure;
    }

    /// {@return an event at the present end of the stream; 0 if it is closed, and its work done}
    long recordMark() {
        if (gate.isClosed() || context.isLost()) {
            return 0;
        }
        long event = context.takeEvent();
        context.run("mark", driver -> driver.record(event, handle));
        return event;
    }

    @Override
    public void submit(Launch launch) {
        BoundLaunch<CudaWork> bound = device.belonging().own(launch);
        gate.enter("submit");
        try {
            bound.enter();
            try {
                submitHeld(bound);
            } finally {
                bound.leave();
            }
        } finally {
            gate.leave();
        }
    }

    private void submitHeld(BoundLaunch<CudaWork> bound) {
        ArenaEpochs arenas = bound.arenas();
        int entered = CudaArena.enterAll(arenas, this);
        try {
            if (entered < arenas.count()) {
                throw StaleMemory.submitted(bound, arenas.arena(entered).label());
            }
            enqueue(bound);
        } finally {
            CudaArena.leaveAll(arenas, entered);
        }
    }

    private void enqueue(BoundLaunch<CudaWork> bound) {
        SubmitEvent event = SubmitEvent.started();
        try {
            bound.work().enqueue(context.enter("submit"), handle, faults.device());
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure("submit " + bound.plan().spec().name(), failed));
        }
        mayHaveFaults |= bound.work().mayFault();
        sequence++;
        device.counts().submit();
        if (event != null) {
            event.finish(device.description().id(), label, bound);
        }
    }

    @Override
    public <A extends KernelArgs> void run(KernelSpec<A> spec, A args) {
        gate.enter("run");
        Launch launch;
        try {
            launch = workspace.bind(spec, args);
        } finally {
            gate.leave();
        }
        submit(launch);
    }

    @Override
    public void copy(Tensor destination, Tensor source) {
        TransferChecks.alike(destination, source);
        boolean to =
                destination.buffer() instanceof CudaBuffer && device.belonging().owns(destination);
        boolean from = source.buffer() instanceof CudaBuffer && device.belonging().owns(source);
        if (to && from) {
            inOrder(
                    "copy",
                    destination,
                    source,
                    driver -> transfers.copy(driver, destination, source));
        } else if (to && source.buffer().isHostVisible()) {
            upload(destination, source.segment());
        } else if (from && destination.buffer().isHostVisible()) {
            download(destination.segment(), source);
        } else {
            throw new UnsupportedOperationException(
                    "a stream of "
                            + device.description().id()
                            + " copies its own memory and memory that the host sees, not "
                            + source
                            + " into "
                            + destination);
        }
    }

    @Override
    public void fill(Tensor destination, double value) {
        device.belonging().check("fill", destination);
        TransferChecks.writable("fill", destination);
        inOrder("fill", destination, null, driver -> transfers.fill(driver, destination, value));
    }

    @Override
    public void upload(Tensor destination, MemorySegment source) {
        device.belonging().check("upload", destination);
        TransferChecks.bytes("upload", destination, source);
        TransferChecks.writable("upload", destination);
        inOrder(
                "upload",
                destination,
                null,
                driver -> transfers.upload(driver, destination.address(), source));
    }

    @Override
    public void download(MemorySegment destination, Tensor source) {
        device.belonging().check("download", source);
        TransferChecks.bytes("download", source, destination);
        inOrder(
                "download",
                source,
                null,
                driver -> {
                    settle(driver, "download");
                    transfers.download(driver, destination, source.address());
                });
    }

    @Override
    public void write(Tensor destination, float... values) {
        device.belonging().check("write", destination);
        TransferChecks.count(destination, values.length);
        inOrder(
                "write",
                destination,
                null,
                driver -> transfers.write(driver, destination, number -> values[number]));
    }

    @Override
    public void write(Tensor destination, int... values) {
        device.belonging().check("write", destination);
        TransferChecks.count(destination, values.length);
        inOrder(
                "write",
                destination,
                null,
                driver -> transfers.write(driver, destination, number -> values[number]));
    }

    @Override
    public float[] readFloats(Tensor source) {
        device.belonging().check("read", source);
        float[] values = new float[TransferChecks.arrayLength(source)];
        inOrder(
                "read",
                source,
                null,
                driver -> {
                    settle(driver, "read");
                    transfers.read(
                            driver, source, (number, value) -> values[number] = (float) value);
                });
        return values;
    }

    @Override
    public int[] readInts(Tensor source) {
        device.belonging().check("read", source);
        TransferChecks.integer("read", source);
        int[] values = new int[TransferChecks.arrayLength(source)];
        inOrder(
                "read",
                source,
                null,
                driver -> {
                    settle(driver, "read");
                    transfers.read(
                            driver,
                            source,
                            (number, value) -> values[number] = Math.toIntExact((long) value));
                });
        return values;
    }

    @Override
    public void publish(StepInput input) {
        if (!(input instanceof CudaStepInput own) || !device.belonging().owns(input.tensor())) {
            throw new IllegalArgumentException(
                    "publish: the step input is of another device; use a stream of that one");
        }
        inOrder("publish", input.tensor(), null, driver -> own.publish(driver, this));
    }

    @Override
    public void replay(Graph graph) {
        if (!(graph instanceof CudaGraph own) || graph.device() != device) {
            throw new IllegalArgumentException(
                    "replay: the graph is of another device; record it on this one");
        }
        gate.enter("replay");
        try {
            own.recording().enter();
            try {
                replayHeld(own);
            } finally {
                own.recording().leave();
            }
        } finally {
            gate.leave();
        }
    }

    private void replayHeld(CudaGraph graph) {
        ArenaEpochs arenas = graph.recording().arenas();
        int entered = CudaArena.enterAll(arenas, this);
        try {
            if (entered < arenas.count()) {
                throw StaleMemory.replayed(
                        device.description().id(), arenas.arena(entered).label());
            }
            enqueue(graph);
        } finally {
            CudaArena.leaveAll(arenas, entered);
        }
    }

    private void enqueue(CudaGraph graph) {
        ReplayEvent event = ReplayEvent.started();
        try {
            graph.enqueue(context.enter("replay"), handle, faults.device());
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure("replay", failed));
        }
        mayHaveFaults |= graph.mayFault();
        sequence++;
        device.counts().replay(graph.recording().launchCount());
        if (event != null) {
            event.finish(device.description().id(), label, graph);
        }
    }

    @Override
    public Timepoint mark() {
        gate.enter("mark");
        try {
            fetchFaults(context.enter("mark"));
            sequence++;
            clock.mark(handle, sequence);
            return new CudaTimepoint(this, sequence);
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure("mark", failed));
        } finally {
            gate.leave();
        }
    }

    private void fetchFaults(CudaDriver driver) {
        if (mayHaveFaults) {
            faults.fetch(driver, handle);
        }
    }

    /// Waits for everything submitted, and throws what went wrong with it.
    private void settle(CudaDriver driver, String operation) {
        fetchFaults(driver);
        driver.synchronizeStream(handle);
        mayHaveFaults = false;
        clock.passAll(sequence);
        failure.throwIfFailedOrFaulty(operation);
    }

    @Override
    public void waitFor(Timepoint timepoint) {
        gate.enter("waitFor");
        try {
            if (timepoint instanceof CudaTimepoint other && other.stream().device == device) {
                other.stream().failure().throwIfFailedOrFaulty("waitFor");
                other.stream().clock().holdBack(handle, other.sequence());
            } else if (!timepoint.await(FOR_EVER)) {
                throw new IllegalStateException("a timepoint of another device was never reached");
            }
            sequence++;
        } finally {
            gate.leave();
        }
    }

    @Override
    public void synchronize() {
        inOrder("synchronize", null, null, driver -> settle(driver, "synchronize"));
        device.releases().poll();
    }

    @Override
    public void close() {
        if (gate.isClosed()) {
            return;
        }
        gate.awaitOthers();
        context.release(
                driver -> {
                    fetchFaults(driver);
                    driver.synchronizeStream(handle);
                });
        gate.close();
        String pending = failure.close();
        if (!pending.isEmpty()) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    device.description().id()
                            + ": stream \""
                            + label
                            + "\" was closed and nothing had waited for it: "
                            + pending);
        }
        clock.passAll(sequence);
        workspace.close();
        transfers.close();
        device.faultRecords().give(faults);
        context.release(driver -> driver.destroyStream(handle));
        device.resources().forget(this);
    }

    /// Does something to the stream in its order, with the memory of up to two tensors kept.
    private void inOrder(
            String operation,
            @Nullable Tensor one,
            @Nullable Tensor other,
            Consumer<CudaDriver> work) {
        gate.enter(operation);
        try {
            holding(one, () -> holding(other, () -> doInOrder(operation, work)));
        } finally {
            gate.leave();
        }
    }

    private void doInOrder(String operation, Consumer<CudaDriver> work) {
        try {
            work.accept(context.enter(operation));
            sequence++;
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure(operation, failed));
        }
    }

    private void holding(@Nullable Tensor tensor, Runnable work) {
        if (tensor == null || !(tensor.buffer() instanceof CudaBuffer own)) {
            work.run();
            return;
        }
        own.enter(this);
        try {
            work.run();
        } finally {
            own.leave();
        }
    }

    private void checkNotFailed(String operation) {
        failure.throwIfFailed(operation);
    }
}

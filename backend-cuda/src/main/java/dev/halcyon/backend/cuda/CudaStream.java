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
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.StaleGraphException;
import dev.halcyon.hal.event.ReplayEvent;
import dev.halcyon.hal.event.SubmitEvent;
import dev.halcyon.hal.host.ThreadOwnership;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.BoundLaunch;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.Consumer;

/// A stream of the driver that does not wait for the legacy stream.
final class CudaStream implements Stream {
    private static final System.Logger LOGGER = System.getLogger(CudaStream.class.getName());
    private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE / 1_000_000_000L);

    /// Asked whether events are recorded, so that a submit makes none for nobody.
    private static final SubmitEvent SUBMIT_EVENT = new SubmitEvent();

    private static final ReplayEvent REPLAY_EVENT = new ReplayEvent();

    private final CudaDevice device;
    private final CudaContext context;
    private final String label;
    private final long handle;
    private final ThreadOwnership ownership;
    private final @Nullable Throwable creation;
    private final FaultRecord faults;
    private final StreamFailure failure;
    private final StreamClock clock;
    private final StreamTransfers transfers;
    private volatile boolean closed;
    private boolean mayHaveFaults;
    private @Nullable DeviceArena ownArena;
    private @Nullable Workspace ownWorkspace;
    private long sequence;

    CudaStream(CudaDevice device, String label) {
        refuseVirtualThread();
        this.device = device;
        this.context = device.context();
        this.label = label;
        this.ownership =
                new ThreadOwnership("stream \"" + label + "\"", device.options().checkThreads());
        this.creation = device.options().traceAllocations() ? new Throwable("created here") : null;
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

    @Nullable Throwable creation() {
        return creation;
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
        if (closed || context.isLost()) {
            return 0;
        }
        long event = context.takeEvent();
        context.run("mark", driver -> driver.record(event, handle));
        return event;
    }

    @Override
    public void submit(Launch launch) {
        BoundLaunch<CudaWork> bound = device.own(launch);
        begin("submit");
        try {
            bound.enter();
            try {
                submitHeld(bound);
            } finally {
                bound.leave();
            }
        } finally {
            ownership.leave();
        }
    }

    private void submitHeld(BoundLaunch<CudaWork> bound) {
        ArenaEpochs arenas = bound.arenas();
        int entered = CudaArena.enterAll(arenas, this);
        try {
            if (entered < arenas.count()) {
                throw new IllegalStateException(
                        "submit of a stale launch of "
                                + bound.plan().spec().name()
                                + ": arena \""
                                + arenas.arena(entered).label()
                                + "\" was closed or reset after bind; bind it again");
            }
            enqueue(bound);
        } finally {
            CudaArena.leaveAll(arenas, entered);
        }
    }

    private void enqueue(BoundLaunch<CudaWork> bound) {
        SubmitEvent event = SUBMIT_EVENT.isEnabled() ? new SubmitEvent() : null;
        if (event != null) {
            event.begin();
        }
        try {
            bound.work().enqueue(context.enter("submit"), handle, faults.device());
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure("submit " + bound.plan().spec().name(), failed));
        }
        mayHaveFaults |= bound.work().mayFault();
        sequence++;
        device.countSubmits(1);
        if (event != null) {
            event.end();
            if (event.shouldCommit()) {
                event.device = device.description().id();
                event.stream = label;
                event.kernel = bound.plan().spec().name();
                event.implementation = bound.plan().support().implementation().toString();
                event.flops = bound.cost().flops();
                event.bytes = bound.cost().bytes();
                event.commit();
            }
        }
    }

    @Override
    public <A extends KernelArgs> void run(KernelSpec<A> spec, A args) {
        begin("run");
        Launch launch;
        try {
            var plan = device.plan(spec);
            Workspace workspace = workspaceFor(plan.workspaceBytes());
            launch = plan.bind(workspace.storage().arena(), args, workspace);
        } finally {
            ownership.leave();
        }
        submit(launch);
    }

    private Workspace workspaceFor(long bytes) {
        DeviceArena arena = ownArena;
        if (arena == null) {
            arena = device.arena("workspace of stream \"" + label + "\"");
            ownArena = arena;
        }
        Workspace workspace = ownWorkspace;
        if (workspace == null || workspace.byteSize() < bytes) {
            arena.reset();
            workspace = new Workspace(arena.tensor(DType.U8, Math.max(bytes, 1)));
            ownWorkspace = workspace;
        }
        return workspace;
    }

    @Override
    public void copy(Tensor destination, Tensor source) {
        StreamTransfers.checkAlike(destination, source);
        boolean to = destination.buffer() instanceof CudaBuffer && device.owns(destination);
        boolean from = source.buffer() instanceof CudaBuffer && device.owns(source);
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
        device.checkOwn("fill", destination);
        StreamTransfers.checkWritable("fill", destination);
        inOrder("fill", destination, null, driver -> transfers.fill(driver, destination, value));
    }

    @Override
    public void upload(Tensor destination, MemorySegment source) {
        device.checkOwn("upload", destination);
        StreamTransfers.checkBytes("upload", destination, source);
        StreamTransfers.checkWritable("upload", destination);
        inOrder(
                "upload",
                destination,
                null,
                driver -> transfers.upload(driver, destination.address(), source));
    }

    @Override
    public void download(MemorySegment destination, Tensor source) {
        device.checkOwn("download", source);
        StreamTransfers.checkBytes("download", source, destination);
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
        device.checkOwn("write", destination);
        StreamTransfers.checkCount(destination, values.length);
        inOrder(
                "write",
                destination,
                null,
                driver -> transfers.write(driver, destination, number -> values[number]));
    }

    @Override
    public void write(Tensor destination, int... values) {
        device.checkOwn("write", destination);
        StreamTransfers.checkCount(destination, values.length);
        inOrder(
                "write",
                destination,
                null,
                driver -> transfers.write(driver, destination, number -> values[number]));
    }

    @Override
    public float[] readFloats(Tensor source) {
        device.checkOwn("read", source);
        float[] values = new float[StreamTransfers.arrayLength(source)];
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
        device.checkOwn("read", source);
        StreamTransfers.checkInteger(source);
        int[] values = new int[StreamTransfers.arrayLength(source)];
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
        if (!(input instanceof CudaStepInput own) || !device.owns(input.tensor())) {
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
        begin("replay");
        try {
            own.enter();
            try {
                replayHeld(own);
            } finally {
                own.leave();
            }
        } finally {
            ownership.leave();
        }
    }

    private void replayHeld(CudaGraph graph) {
        ArenaEpochs arenas = graph.arenas();
        int entered = CudaArena.enterAll(arenas, this);
        try {
            if (entered < arenas.count()) {
                throw new StaleGraphException(
                        Failure.of(
                                device.description().id(),
                                "replay",
                                "arena \""
                                        + arenas.arena(entered).label()
                                        + "\", which the graph captured, was closed or reset",
                                "record the graph again"));
            }
            enqueue(graph);
        } finally {
            CudaArena.leaveAll(arenas, entered);
        }
    }

    private void enqueue(CudaGraph graph) {
        ReplayEvent event = REPLAY_EVENT.isEnabled() ? new ReplayEvent() : null;
        if (event != null) {
            event.begin();
        }
        try {
            graph.enqueue(context.enter("replay"), handle, faults.device());
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure("replay", failed));
        }
        mayHaveFaults |= graph.mayFault();
        sequence++;
        device.countReplay(graph.launchCount());
        if (event != null) {
            event.end();
            if (event.shouldCommit()) {
                event.device = device.description().id();
                event.stream = label;
                event.nodes = graph.size();
                event.commit();
            }
        }
    }

    @Override
    public Timepoint mark() {
        begin("mark");
        try {
            fetchFaults(context.enter("mark"));
            sequence++;
            clock.mark(handle, sequence);
            return new CudaTimepoint(this, sequence);
        } catch (CudaDriverException failed) {
            throw failure.fail(context.failure("mark", failed));
        } finally {
            ownership.leave();
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
        begin("waitFor");
        try {
            if (timepoint instanceof CudaTimepoint other && other.stream().device == device) {
                other.stream().failure().throwIfFailedOrFaulty("waitFor");
                other.stream().clock().holdBack(handle, other.sequence());
            } else if (!timepoint.await(FOR_EVER)) {
                throw new IllegalStateException("a timepoint of another device was never reached");
            }
            sequence++;
        } finally {
            ownership.leave();
        }
    }

    @Override
    public void synchronize() {
        inOrder("synchronize", null, null, driver -> settle(driver, "synchronize"));
        device.releases().poll();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        ownership.awaitOthers();
        context.release(
                driver -> {
                    fetchFaults(driver);
                    driver.synchronizeStream(handle);
                });
        closed = true;
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
        if (ownArena != null) {
            ownArena.close();
        }
        transfers.close();
        device.faultRecords().give(faults);
        context.release(driver -> driver.destroyStream(handle));
        device.forget(this);
    }

    /// Does something to the stream in its order, with the memory of up to two tensors kept.
    private void inOrder(
            String operation,
            @Nullable Tensor one,
            @Nullable Tensor other,
            Consumer<CudaDriver> work) {
        begin(operation);
        try {
            holding(one, () -> holding(other, () -> doInOrder(operation, work)));
        } finally {
            ownership.leave();
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

    private void begin(String operation) {
        refuseVirtualThread();
        ownership.enter(operation);
        try {
            if (closed) {
                throw new IllegalStateException(
                        operation + " on stream \"" + label + "\", which is closed");
            }
            failure.throwIfFailed(operation);
        } catch (RuntimeException refused) {
            ownership.leave();
            throw refused;
        }
    }

    private static void refuseVirtualThread() {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException(
                    "a stream was used on a virtual thread; native contexts and worker pools"
                            + " belong to platform threads, so run this on Thread.ofPlatform()");
        }
    }
}

package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.StaleGraphException;
import dev.halcyon.hal.event.ReplayEvent;
import dev.halcyon.hal.event.SubmitEvent;
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
import java.util.function.Supplier;

/// A stream that runs work on the calling thread before the call returns.
final class InlineStream implements Stream {
    private static final System.Logger LOGGER = System.getLogger(InlineStream.class.getName());

    /// Asked whether events are recorded, so that a submit makes none for nobody.
    private static final SubmitEvent SUBMIT_EVENT = new SubmitEvent();

    private static final ReplayEvent REPLAY_EVENT = new ReplayEvent();

    private final HostDevice device;
    private final String label;
    private final ThreadOwnership ownership;
    private final @Nullable Throwable creation;
    private final StreamFailure failure;
    private volatile boolean closed;
    private @Nullable DeviceArena ownArena;
    private @Nullable Workspace ownWorkspace;
    private long sequence;

    InlineStream(HostDevice device, String label) {
        refuseVirtualThread();
        this.device = device;
        this.label = label;
        this.ownership =
                new ThreadOwnership("stream \"" + label + "\"", device.options().checkThreads());
        this.creation = device.options().traceAllocations() ? new Throwable("created here") : null;
        this.failure = new StreamFailure(device, label);
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

    @Override
    public void submit(Launch launch) {
        BoundLaunch<HostWork> bound = device.own(launch);
        begin("submit");
        try {
            bound.enter();
            try {
                runHeld(bound);
            } finally {
                bound.leave();
            }
        } finally {
            ownership.leave();
        }
    }

    private void runHeld(BoundLaunch<HostWork> bound) {
        ArenaEpochs arenas = bound.arenas();
        int entered = HostArena.enterAll(arenas);
        try {
            if (entered < arenas.count()) {
                throw new IllegalStateException(
                        "submit of a stale launch of "
                                + bound.plan().spec().name()
                                + ": arena \""
                                + arenas.arena(entered).label()
                                + "\" was closed or reset after bind; bind it again");
            }
            execute(bound);
        } finally {
            HostArena.leaveAll(arenas, entered);
        }
    }

    private void execute(BoundLaunch<HostWork> bound) {
        SubmitEvent event = SUBMIT_EVENT.isEnabled() ? new SubmitEvent() : null;
        if (event != null) {
            event.begin();
        }
        try {
            bound.work().run(failure);
        } catch (Throwable failed) {
            throw failure.fail("submit " + bound.plan().spec().name(), failed);
        }
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
        inOrder("copy", () -> HostTransfers.copy(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        device.checkOwn("fill", destination);
        inOrder("fill", () -> HostTransfers.fill(destination, value));
    }

    @Override
    public void upload(Tensor destination, MemorySegment source) {
        device.checkOwn("upload", destination);
        inOrder("upload", () -> HostTransfers.upload(destination, source));
    }

    @Override
    public void download(MemorySegment destination, Tensor source) {
        device.checkOwn("download", source);
        inOrder(
                "download",
                () -> {
                    failure.throwIfFailedOrFaulty("download");
                    HostTransfers.download(destination, source);
                });
    }

    @Override
    public void write(Tensor destination, float... values) {
        device.checkOwn("write", destination);
        inOrder("write", () -> HostTransfers.write(destination, values));
    }

    @Override
    public void write(Tensor destination, int... values) {
        device.checkOwn("write", destination);
        inOrder("write", () -> HostTransfers.write(destination, values));
    }

    @Override
    public float[] readFloats(Tensor source) {
        device.checkOwn("read", source);
        return inOrder(
                "read",
                () -> {
                    failure.throwIfFailedOrFaulty("read");
                    return HostTransfers.readFloats(source);
                });
    }

    @Override
    public int[] readInts(Tensor source) {
        device.checkOwn("read", source);
        return inOrder(
                "read",
                () -> {
                    failure.throwIfFailedOrFaulty("read");
                    return HostTransfers.readInts(source);
                });
    }

    @Override
    public void publish(StepInput input) {
        if (!(input instanceof HostStepInput own) || input.tensor().arena().device() != device) {
            throw new IllegalArgumentException(
                    "publish: the step input is of another device; use a stream of that one");
        }
        inOrder("publish", own::publish);
    }

    @Override
    public void replay(Graph graph) {
        if (!(graph instanceof ListGraph own) || graph.device() != device) {
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

    private void replayHeld(ListGraph graph) {
        ArenaEpochs arenas = graph.arenas();
        int entered = HostArena.enterAll(arenas);
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
            execute(graph);
        } finally {
            HostArena.leaveAll(arenas, entered);
        }
    }

    private void execute(ListGraph graph) {
        ReplayEvent event = REPLAY_EVENT.isEnabled() ? new ReplayEvent() : null;
        if (event != null) {
            event.begin();
        }
        try {
            graph.run(failure);
        } catch (Throwable failed) {
            throw failure.fail("replay", failed);
        }
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
            return new HostTimepoint(this, sequence);
        } finally {
            ownership.leave();
        }
    }

    @Override
    public void waitFor(Timepoint timepoint) {
        inOrder(
                "waitFor",
                () -> {
                    if (timepoint instanceof HostTimepoint host) {
                        host.stream().throwIfFailed("waitFor");
                    } else if (!timepoint.await(
                            Duration.ofSeconds(Long.MAX_VALUE / 1_000_000_000L))) {
                        throw new IllegalStateException(
                                "a timepoint of another device was never reached");
                    }
                });
    }

    @Override
    public void synchronize() {
        inOrder("synchronize", () -> failure.throwIfFailedOrFaulty("synchronize"));
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        ownership.awaitOthers();
        String pending = failure.pendingFaults();
        if (!pending.isEmpty()) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    device.description().id()
                            + ": stream \""
                            + label
                            + "\" was closed and nothing had waited for it: "
                            + pending);
        }
        if (ownArena != null) {
            ownArena.close();
        }
        device.forget(this);
    }

    private void inOrder(String operation, Runnable work) {
        inOrder(
                operation,
                () -> {
                    work.run();
                    return 0;
                });
    }

    private <T> T inOrder(String operation, Supplier<T> work) {
        begin(operation);
        try {
            T result = work.get();
            sequence++;
            return result;
        } finally {
            ownership.leave();
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

    /// Throws the stream's first failure, if there is one, to somebody who waits for it.
    void throwIfFailed(String operation) {
        failure.throwIfFailedOrFaulty(operation);
    }

    private static void refuseVirtualThread() {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException(
                    "a stream was used on a virtual thread; native contexts and worker pools"
                            + " belong to platform threads, so run this on Thread.ofPlatform()");
        }
    }
}

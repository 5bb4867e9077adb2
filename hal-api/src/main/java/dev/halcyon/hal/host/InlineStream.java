package dev.halcyon.hal.host;

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

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.Supplier;

/// A stream that runs work on the calling thread before the call returns.
final class InlineStream implements Stream {
    private static final System.Logger LOGGER = System.getLogger(InlineStream.class.getName());

    private final HostDevice device;
    private final String label;
    private final StreamFailure failure;
    private final StreamGate gate;
    private final StreamWorkspace workspace;
    private long sequence;

    InlineStream(HostDevice device, String label) {
        this.device = device;
        this.label = label;
        this.failure = new StreamFailure(device, label);
        this.gate = new StreamGate(label, device.options(), failure::throwIfFailed);
        this.workspace = new StreamWorkspace(device, label);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public void submit(Launch launch) {
        BoundLaunch<HostWork> bound = device.belonging().own(launch);
        gate.enter("submit");
        try {
            bound.enter();
            try {
                runHeld(bound);
            } finally {
                bound.leave();
            }
        } finally {
            gate.leave();
        }
    }

    private void runHeld(BoundLaunch<HostWork> bound) {
        ArenaEpochs arenas = bound.arenas();
        int entered = HostArena.enterAll(arenas);
        try {
            if (entered < arenas.count()) {
                throw StaleMemory.submitted(bound, arenas.arena(entered).label());
            }
            execute(bound);
        } finally {
            HostArena.leaveAll(arenas, entered);
        }
    }

    private void execute(BoundLaunch<HostWork> bound) {
        SubmitEvent event = SubmitEvent.started();
        try {
            bound.work().run(failure);
        } catch (Throwable failed) {
            throw failure.fail("submit " + bound.plan().spec().name(), failed);
        }
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
        inOrder("copy", () -> HostTransfers.copy(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        device.belonging().check("fill", destination);
        inOrder("fill", () -> HostTransfers.fill(destination, value));
    }

    @Override
    public void upload(Tensor destination, MemorySegment source) {
        device.belonging().check("upload", destination);
        inOrder("upload", () -> HostTransfers.upload(destination, source));
    }

    @Override
    public void download(MemorySegment destination, Tensor source) {
        device.belonging().check("download", source);
        inOrder(
                "download",
                () -> {
                    failure.throwIfFailedOrFaulty("download");
                    HostTransfers.download(destination, source);
                });
    }

    @Override
    public void write(Tensor destination, float... values) {
        device.belonging().check("write", destination);
        inOrder("write", () -> HostTransfers.write(destination, values));
    }

    @Override
    public void write(Tensor destination, int... values) {
        device.belonging().check("write", destination);
        inOrder("write", () -> HostTransfers.write(destination, values));
    }

    @Override
    public float[] readFloats(Tensor source) {
        device.belonging().check("read", source);
        return inOrder(
                "read",
                () -> {
                    failure.throwIfFailedOrFaulty("read");
                    return HostTransfers.readFloats(source);
                });
    }

    @Override
    public int[] readInts(Tensor source) {
        device.belonging().check("read", source);
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

    private void replayHeld(ListGraph graph) {
        ArenaEpochs arenas = graph.recording().arenas();
        int entered = HostArena.enterAll(arenas);
        try {
            if (entered < arenas.count()) {
                throw StaleMemory.replayed(
                        device.description().id(), arenas.arena(entered).label());
            }
            execute(graph);
        } finally {
            HostArena.leaveAll(arenas, entered);
        }
    }

    private void execute(ListGraph graph) {
        ReplayEvent event = ReplayEvent.started();
        try {
            graph.run(failure);
        } catch (Throwable failed) {
            throw failure.fail("replay", failed);
        }
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
            return new HostTimepoint(this, sequence);
        } finally {
            gate.leave();
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
        if (gate.isClosed()) {
            return;
        }
        gate.close();
        gate.awaitOthers();
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
        workspace.close();
        device.resources().forget(this);
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
        gate.enter(operation);
        try {
            T result = work.get();
            sequence++;
            return result;
        } finally {
            gate.leave();
        }
    }

    /// Throws the stream's first failure, if there is one, to somebody who waits for it.
    void throwIfFailed(String operation) {
        failure.throwIfFailedOrFaulty(operation);
    }
}

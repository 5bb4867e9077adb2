package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.graph.CapturedGraph;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.DeviceTask;
import dev.halcyon.backend.ascend.operators.Issuer;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.event.ReplayEvent;
import dev.halcyon.hal.event.SubmitEvent;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.BoundLaunch;
import dev.halcyon.hal.spi.StaleMemory;
import dev.halcyon.hal.spi.StreamGate;
import dev.halcyon.hal.spi.StreamWorkspace;
import dev.halcyon.hal.spi.TransferChecks;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/// A stream of the device.
final class AscendStream implements Stream, Issuer.Target {
    private static final System.Logger LOGGER = System.getLogger(AscendStream.class.getName());

    private static final long FAULT_BYTES = 64;
    private static final long FAULT_COPY_BYTES = 64 * 1024;

    private final AscendDevice device;
    private final String label;
    private final OperationRing ring = new OperationRing();
    private final StreamFailure failure;
    private final MemorySegment stream;
    private final Block faultWord;
    private final Block faultCopies;
    private final StreamClock clock;
    private final StreamTransfers transfers;
    private final StreamGate gate;
    private final StreamWorkspace workspace;
    private @Nullable Block operatorWorkspace;

    AscendStream(AscendDevice device, String label) {
        this.device = device;
        this.label = label;
        this.gate = new StreamGate(label, device.options(), this::prepare);
        this.workspace = new StreamWorkspace(device, label);
        this.failure =
                new StreamFailure(
                        device.description().id(), label, ring, () -> device.counts().faults(1));
        Resources own = Resources.of(device);
        this.stream = own.stream();
        this.faultWord = own.faultWord();
        this.faultCopies = own.faultCopies();
        this.clock =
                new StreamClock(
                        device.context(), device.events(), stream, failure, faultWord, faultCopies);
        this.transfers = new StreamTransfers(device, this, clock);
        try {
            device.issuer().issue(new DeviceTask.Set(faultWord.address(), 0, FAULT_BYTES), this);
        } catch (HalException refused) {
            own.release(device);
            throw refused;
        }
        clock.advance(false);
    }

    /// What a stream holds from its beginning: all of it or nothing.
    private record Resources(MemorySegment stream, Block faultWord, Block faultCopies) {
        static Resources of(AscendDevice device) {
            Block word = device.memory().take(FAULT_BYTES);
            Block copies = null;
            try {
                copies = device.pinned().take(FAULT_COPY_BYTES);
                return new Resources(device.createStream(), word, copies);
            } catch (HalException refused) {
                device.memory().give(word, List.of());
                if (copies != null) {
                    device.pinned().give(copies, List.of());
                }
                throw refused;
            }
        }

        void release(AscendDevice device) {
            device.memory().give(faultWord, List.of());
            device.pinned().give(faultCopies, List.of());
            device.context().runtime().destroyStream(stream);
        }
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public String label() {
        return label;
    }

    StreamClock clock() {
        return clock;
    }

    @Override
    public MemorySegment stream() {
        return stream;
    }

    @Override
    public long faultWord() {
        return faultWord.address();
    }

    @Override
    public long workspace(long bytes) {
        Block held = operatorWorkspace;
        if (held == null || held.bytes() < bytes) {
            if (held != null) {
                operatorWorkspace = null;
                device.memory().give(held, List.of(clock.next()));
            }
            held = device.memory().take(bytes);
            operatorWorkspace = held;
        }
        return held.address();
    }

    @Override
    public void check(int status, DeviceTask task) {
        if (status != 0) {
            throw device.context()
                    .failure(status, task.name() + " on stream \"" + label + "\"", failure.trail());
        }
    }

    /// Gives tasks to the device; whatever fails then is the stream's failure.
    ///
    /// @param countsFaults whether one of them counts bad indices
    void issue(List<DeviceTask> tasks, boolean countsFaults) {
        try {
            for (DeviceTask task : tasks) {
                ring.add(task);
                device.issuer().issue(task, this);
            }
        } catch (HalException failed) {
            failure.fail(failed);
            throw failed;
        } finally {
            clock.advance(countsFaults);
        }
    }

    @Override
    public void submit(Launch launch) {
        BoundLaunch<AscendWork> bound = device.belonging().own(launch);
        gate.enter("submit");
        try {
            bound.enter();
            try {
                String stale = AscendArena.useAll(bound.arenas(), clock);
                if (!stale.isEmpty()) {
                    throw StaleMemory.submitted(bound, stale);
                }
                execute(bound);
            } finally {
                bound.leave();
            }
        } finally {
            gate.leave();
        }
    }

    private void execute(BoundLaunch<AscendWork> bound) {
        SubmitEvent event = SubmitEvent.started();
        issue(bound.work().tasks(), bound.work().countsFaults());
        device.counts().submit();
        if (event != null) {
            event.finish(device.description().title(), label, bound);
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
        inOrder("copy", () -> transfers.copy(destination, source));
    }

    @Override
    public void fill(Tensor destination, double value) {
        device.belonging().check("fill", destination);
        TransferChecks.writable("fill", destination);
        inOrder("fill", () -> transfers.fill(destination, value));
    }

    @Override
    public void upload(Tensor destination, MemorySegment source) {
        device.belonging().check("upload", destination);
        inOrder("upload", () -> transfers.upload(destination, source));
    }

    @Override
    public void download(MemorySegment destination, Tensor source) {
        device.belonging().check("download", source);
        inOrder("download", () -> transfers.download(destination, source));
    }

    @Override
    public void write(Tensor destination, float... values) {
        device.belonging().check("write", destination);
        inOrder("write", () -> transfers.write(destination, values));
    }

    @Override
    public void write(Tensor destination, int... values) {
        device.belonging().check("write", destination);
        inOrder("write", () -> transfers.write(destination, values));
    }

    @Override
    public float[] readFloats(Tensor source) {
        device.belonging().check("read", source);
        return inOrder("read", () -> transfers.readFloats(source));
    }

    @Override
    public int[] readInts(Tensor source) {
        device.belonging().check("read", source);
        return inOrder("read", () -> transfers.readInts(source));
    }

    @Override
    public void publish(StepInput input) {
        if (!(input instanceof AscendStepInput own) || input.tensor().arena().device() != device) {
            throw new IllegalArgumentException(
                    "publish: the step input is of another device; use a stream of that one");
        }
        inOrder("publish", () -> transfers.publish(own));
    }

    @Override
    public void replay(Graph graph) {
        if (!(graph instanceof AscendGraph own) || graph.device() != device) {
            throw new IllegalArgumentException(
                    "replay: the graph is of another device; record it on this one");
        }
        gate.enter("replay");
        try {
            own.recording().enter();
            try {
                String stale = AscendArena.useAll(own.recording().arenas(), clock);
                if (!stale.isEmpty()) {
                    throw StaleMemory.replayed(device.description().id(), stale);
                }
                execute(own);
            } finally {
                own.recording().leave();
            }
        } finally {
            gate.leave();
        }
    }

    private void execute(AscendGraph graph) {
        ReplayEvent event = ReplayEvent.started();
        CapturedGraph captured = graph.captured();
        if (captured == null || !captured.updates().fit()) {
            issue(graph.work().tasks(), graph.work().countsFaults());
        } else {
            replay(captured);
        }
        device.counts().replay(graph.recording().launchCount());
        if (event != null) {
            event.finish(device.description().title(), label, graph);
        }
    }

    private void replay(CapturedGraph captured) {
        try {
            device.updateGraph(captured);
            int status = device.context().runtime().executeGraph(captured.handle(), stream);
            captured.updates().useUntil(clock.next());
            device.context().check(status, "replay on stream \"" + label + "\"", failure.trail());
            if (captured.countsFaults()) {
                Composition sum = Composition.withoutScratch(device.platform());
                sum.addTo(View.faultWord(), View.at(captured.faultWord(), AclDataType.INT32, 1), 1);
                sum.work().tasks().forEach(task -> device.issuer().issue(task, this));
            }
        } catch (HalException failed) {
            failure.fail(failed);
            throw failed;
        } finally {
            clock.advance(captured.countsFaults());
        }
    }

    @Override
    public Timepoint mark() {
        gate.enter("mark");
        try {
            return new AscendTimepoint(this, clock.mark());
        } finally {
            gate.leave();
        }
    }

    @Override
    public void waitFor(Timepoint timepoint) {
        inOrder(
                "waitFor",
                () -> {
                    if (timepoint instanceof AscendTimepoint own && own.stream().device == device) {
                        waitFor(own);
                    } else if (!timepoint.await(
                            Duration.ofSeconds(Long.MAX_VALUE / 1_000_000_000L))) {
                        throw new IllegalStateException(
                                "a timepoint of another device was never reached");
                    }
                });
    }

    private void waitFor(AscendTimepoint timepoint) {
        AscendStream other = timepoint.stream();
        other.throwIfFailedOrFaulty("waitFor");
        if (other == this) {
            return;
        }
        other.clock.waitBehind(timepoint.sequence(), stream);
        clock.advance(false);
    }

    @Override
    public void synchronize() {
        inOrder("synchronize", this::drain);
    }

    /// Waits for everything given to the stream and throws what went wrong; the stream is entered.
    void drain() {
        try {
            clock.mark();
            device.context()
                    .check(
                            device.context().runtime().synchronizeStream(stream),
                            "synchronize stream \"" + label + "\"",
                            failure.trail());
        } catch (HalException failed) {
            failure.fail(failed);
            clock.drain();
            throw failed;
        }
        clock.caughtUp();
        failure.throwIfFailedOrFaulty("synchronize");
    }

    @Override
    public void close() {
        if (gate.isClosed()) {
            return;
        }
        gate.close();
        gate.awaitOthers();
        try {
            device.context().makeCurrent();
            clock.mark();
            device.context().runtime().synchronizeStream(stream);
            clock.caughtUp();
        } catch (HalException gone) {
            LOGGER.log(System.Logger.Level.DEBUG, "closing a stream of a lost device", gone);
        }
        clock.drain();
        long pending = failure.pendingFaults();
        if (pending > 0) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    device.description().id()
                            + ": stream \""
                            + label
                            + "\" was closed and nothing had waited for it: "
                            + pending
                            + " bad indices");
        }
        workspace.close();
        if (operatorWorkspace != null) {
            device.memory().give(operatorWorkspace, List.of());
        }
        new Resources(stream, faultWord, faultCopies).release(device);
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
            return work.get();
        } finally {
            gate.leave();
        }
    }

    private void prepare(String operation) {
        failure.throwIfFailed(operation);
        device.context().makeCurrent();
    }

    /// Throws the stream's first failure, if there is one, to somebody who waits for it.
    void throwIfFailedOrFaulty(String operation) {
        failure.throwIfFailedOrFaulty(operation);
    }
}

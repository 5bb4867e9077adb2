package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;
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
import dev.halcyon.hal.spi.BoundLaunch;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// A stream that runs work on the calling thread before the call returns.
final class InlineStream implements Stream {
    private final HostDevice device;
    private final String label;
    private final ThreadOwnership ownership;
    private final StreamFaults faults;
    private volatile @Nullable HalException failure;
    private @Nullable DeviceArena ownArena;
    private @Nullable Workspace ownWorkspace;
    private long sequence;
    private boolean closed;

    InlineStream(HostDevice device, String label) {
        this.device = device;
        this.label = label;
        this.ownership = new ThreadOwnership("stream \"" + label + "\"", device.options().checkThreads());
        this.faults = new StreamFaults(device);
        refuseVirtualThread();
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
        BoundLaunch<HostWork> bound = device.own(launch);
        checkUsable("submit");
        bound.enter();
        try {
            int entered = 0;
            try {
                while (entered < bound.arenaCount()) {
                    ((HostArena) bound.arena(entered)).memory().enter();
                    entered++;
                }
                if (!bound.isAlive()) {
                    throw new IllegalStateException("submit of a stale launch of "
                            + bound.plan().spec().name() + ": arena \"" + bound.staleArena()
                            + "\" was closed or reset after bind; bind it again");
                }
                execute(bound);
            } finally {
                while (entered > 0) {
                    ((HostArena) bound.arena(--entered)).memory().leave();
                }
            }
        } finally {
            bound.leave();
        }
    }

    private void execute(BoundLaunch<HostWork> bound) {
        SubmitEvent event = new SubmitEvent();
        event.begin();
        try {
            bound.work().run(faults);
        } catch (RuntimeException | StackOverflowError failed) {
            throw fail("submit " + bound.plan().spec().name(), failed);
        }
        sequence++;
        device.countSubmits(1);
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

    @Override
    public <A extends KernelArgs> void run(KernelSpec<A> spec, A args) {
        checkUsable("run");
        var plan = device.plan(spec);
        Workspace workspace = workspaceFor(plan.workspaceBytes());
        submit(plan.bind(workspace.storage().arena(), args, workspace));
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
        checkUsable("copy");
        StridedCopy.checkAlike(destination, source);
        if (!destination.buffer().isHostVisible() || !source.buffer().isHostVisible()) {
            throw new UnsupportedOperationException("a host stream copies host memory only; use a stream of "
                    + (destination.buffer().isHostVisible() ? source : destination)
                            .arena()
                            .device()
                            .description()
                            .id());
        }
        StridedCopy.copy(destination, source);
        sequence++;
    }

    @Override
    public void fill(Tensor destination, double value) {
        checkUsable("fill");
        device.checkOwn("fill", destination);
        StridedCopy.fill(destination, value);
        sequence++;
    }

    @Override
    public void upload(Tensor destination, MemorySegment source) {
        checkTransfer("upload", destination, source);
        if (!destination.buffer().isWritable()) {
            throw new IllegalArgumentException("upload into a mapped file, which cannot be written: " + destination);
        }
        destination.segment().copyFrom(source);
        sequence++;
    }

    @Override
    public void download(MemorySegment destination, Tensor source) {
        checkTransfer("download", source, destination);
        throwIfFailed("download");
        destination.copyFrom(source.segment());
    }

    private void checkTransfer(String operation, Tensor tensor, MemorySegment host) {
        checkUsable(operation);
        device.checkOwn(operation, tensor);
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException(operation + " needs a contiguous tensor, not " + tensor);
        }
        if (tensor.byteSize() != host.byteSize()) {
            throw new IllegalArgumentException(operation + ": " + tensor + " has " + tensor.byteSize()
                    + " bytes, the host segment " + host.byteSize());
        }
    }

    @Override
    public void write(Tensor destination, float... values) {
        checkWrite(destination, values.length);
        MemorySegment memory = destination.segment();
        HostElements.forEach(
                destination,
                (number, position) ->
                        HostElements.set(memory, destination.dtype(), position, values[Math.toIntExact(number)]));
    }

    @Override
    public void write(Tensor destination, int... values) {
        checkWrite(destination, values.length);
        checkInteger("write", destination);
        MemorySegment memory = destination.segment();
        HostElements.forEach(
                destination,
                (number, position) ->
                        HostElements.set(memory, destination.dtype(), position, values[Math.toIntExact(number)]));
    }

    private void checkWrite(Tensor destination, long values) {
        checkUsable("write");
        device.checkOwn("write", destination);
        if (destination.elements() != values) {
            throw new IllegalArgumentException(
                    "write: " + destination + " has " + destination.elements() + " elements, got " + values);
        }
        if (!destination.buffer().isWritable()) {
            throw new IllegalArgumentException("write into a mapped file, which cannot be written: " + destination);
        }
        sequence++;
    }

    private static void checkInteger(String operation, Tensor tensor) {
        if (tensor.dtype().isFloatingPoint()) {
            throw new IllegalArgumentException(operation + " of integers needs an integer tensor, not " + tensor);
        }
    }

    @Override
    public float[] readFloats(Tensor source) {
        checkRead(source);
        float[] values = new float[Math.toIntExact(source.elements())];
        MemorySegment memory = source.segment();
        HostElements.forEach(
                source,
                (number, position) ->
                        values[(int) number] = (float) HostElements.get(memory, source.dtype(), position));
        return values;
    }

    @Override
    public int[] readInts(Tensor source) {
        checkInteger("read", source);
        checkRead(source);
        int[] values = new int[Math.toIntExact(source.elements())];
        MemorySegment memory = source.segment();
        HostElements.forEach(
                source,
                (number, position) -> values[(int) number] =
                        Math.toIntExact((long) HostElements.get(memory, source.dtype(), position)));
        return values;
    }

    private void checkRead(Tensor source) {
        checkUsable("read");
        device.checkOwn("read", source);
        throwIfFailed("read");
    }

    @Override
    public void publish(StepInput input) {
        checkUsable("publish");
        if (!(input instanceof HostStepInput own) || input.tensor().arena().device() != device) {
            throw new IllegalArgumentException("publish: the step input is of another device");
        }
        own.publish();
        sequence++;
    }

    @Override
    public void replay(Graph graph) {
        if (!(graph instanceof ListGraph own) || graph.device() != device) {
            throw new IllegalArgumentException("replay: the graph is of another device");
        }
        checkUsable("replay");
        own.enter();
        try {
            String stale = own.staleArena();
            if (!stale.isEmpty()) {
                throw new StaleGraphException(Failure.of(
                        device.description().id(),
                        "replay",
                        "arena " + stale + ", which the graph captured, was closed or reset",
                        "record the graph again"));
            }
            replayNodes(own);
        } finally {
            own.leave();
        }
    }

    private void replayNodes(ListGraph graph) {
        ReplayEvent event = new ReplayEvent();
        event.begin();
        int launches;
        try {
            launches = graph.run(faults);
        } catch (RuntimeException | StackOverflowError failed) {
            throw fail("replay", failed);
        }
        sequence++;
        device.countReplay(launches);
        event.end();
        if (event.shouldCommit()) {
            event.device = device.description().id();
            event.stream = label;
            event.nodes = graph.size();
            event.commit();
        }
    }

    @Override
    public Timepoint mark() {
        checkUsable("mark");
        return new HostTimepoint(this, sequence);
    }

    @Override
    public void waitFor(Timepoint timepoint) {
        checkUsable("waitFor");
        if (timepoint instanceof HostTimepoint host) {
            host.stream().throwIfFailed("waitFor");
        } else if (!timepoint.await(Duration.ofSeconds(Long.MAX_VALUE / 1_000_000_000L))) {
            throw new IllegalStateException("a timepoint of another device was never reached");
        }
        sequence++;
    }

    @Override
    public void synchronize() {
        checkUsable("synchronize");
        throwIfFailed("synchronize");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            if (ownArena != null) {
                ownArena.close();
            }
            device.forget(this);
        }
    }

    private void checkUsable(String operation) {
        ownership.check();
        refuseVirtualThread();
        if (closed) {
            throw new IllegalStateException(operation + " on stream \"" + label + "\", which is closed");
        }
        HalException first = failure;
        if (first != null) {
            throw failed(operation, first);
        }
    }

    /// Turns reported faults into the stream's failure, and throws the failure if there is one.
    void throwIfFailed(String operation) {
        HalException first = failure;
        if (first == null && faults.any()) {
            first = new DeviceExecutionException(Failure.of(
                    device.description().id(),
                    operation + " on stream \"" + label + "\"",
                    faults.describe(),
                    "the rows concerned were skipped; correct the index tensor and open another stream"));
            failure = first;
            throw first;
        }
        if (first != null) {
            throw failed(operation, first);
        }
    }

    private HalException failed(String operation, HalException first) {
        return new DeviceExecutionException(
                Failure.of(
                        device.description().id(),
                        operation + " on stream \"" + label + "\"",
                        "the stream has failed before: " + first.getMessage(),
                        "open another stream"),
                first);
    }

    private HalException fail(String operation, Throwable cause) {
        DeviceExecutionException wrapped = new DeviceExecutionException(
                Failure.of(
                        device.description().id(),
                        operation,
                        "the kernel threw " + cause,
                        "this is a defect of the backend unless memory was closed under it; open another stream"),
                cause);
        failure = wrapped;
        return wrapped;
    }

    private static void refuseVirtualThread() {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException("a stream was used on a virtual thread; native contexts and worker pools"
                    + " belong to platform threads, so run this on Thread.ofPlatform()");
        }
    }
}

package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.graph.CudaGraph;
import dev.halcyon.backend.cuda.graph.GraphHome;
import dev.halcyon.backend.cuda.graph.GraphRecording;
import dev.halcyon.backend.cuda.kernels.CudaKernels;
import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.backend.cuda.kernels.FaultReports;
import dev.halcyon.hal.Counters;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.FallbackPolicy;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.memory.Workspace;
import dev.halcyon.hal.spi.BackendPlan;
import dev.halcyon.hal.spi.BoundLaunch;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.KernelRegistry;
import dev.halcyon.hal.spi.PlanCache;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/// One GPU.
final class CudaDevice implements Device, GraphHome {
    private static final System.Logger LOGGER = System.getLogger(CudaDevice.class.getName());

    private final DeviceDescription description;
    private final DeviceOptions options;
    private final CudaContext context;
    private final KernelImages images;
    private final KernelRegistry<CudaWork> registry;
    private final PlanCache plans;
    private final PendingReleases releases = new PendingReleases();
    private final DevicePieces pieces;
    private final FaultRecords faultRecords;
    private final FileCopies files;
    private final Set<CudaArena> arenas = ConcurrentHashMap.newKeySet();
    private final Set<CudaStream> streams = ConcurrentHashMap.newKeySet();
    private final LongAdder submits = new LongAdder();
    private final LongAdder replays = new LongAdder();
    private final LongAdder faults = new LongAdder();
    private final AtomicBoolean closed = new AtomicBoolean();

    CudaDevice(
            DeviceDescription description,
            DeviceOptions options,
            CudaContext context,
            KernelImages images) {
        this.description = description;
        this.options = options;
        this.context = context;
        this.images = images;
        this.registry = CudaKernels.registry(images);
        this.plans = new PlanCache(options.planCacheSize());
        this.pieces = new DevicePieces(context, releases::drain);
        this.faultRecords = new FaultRecords(pieces);
        this.files = new FileCopies(context, pieces);
    }

    @Override
    public DeviceDescription description() {
        return description;
    }

    @Override
    public Device device() {
        return this;
    }

    DeviceOptions options() {
        return options;
    }

    CudaContext context() {
        return context;
    }

    @Override
    public KernelImages functions() {
        return images;
    }

    DevicePieces pieces() {
        return pieces;
    }

    PendingReleases releases() {
        return releases;
    }

    FaultRecords faultRecords() {
        return faultRecords;
    }

    FileCopies files() {
        return files;
    }

    ArenaMemory newMemory(String label, boolean pinned) {
        return new ArenaMemory(context, pieces, label, pinned);
    }

    @Override
    public DeviceArena arena(String label) {
        return newArena(label, false);
    }

    @Override
    public DeviceArena hostArena(String label) {
        return newArena(label, true);
    }

    private DeviceArena newArena(String label, boolean pinned) {
        checkOpen("arena");
        CudaArena arena = new CudaArena(this, label, pinned);
        arenas.add(arena);
        return arena;
    }

    @Override
    public Stream stream(String label) {
        checkOpen("stream");
        CudaStream stream = new CudaStream(this, label);
        streams.add(stream);
        return stream;
    }

    @Override
    public <A extends KernelArgs> Support supports(KernelSpec<A> spec) {
        return supports(spec, Limits.NONE);
    }

    @Override
    public <A extends KernelArgs> Support supports(KernelSpec<A> spec, Limits limits) {
        return registry.decide(spec, limits).support();
    }

    /// The cache is keyed by the spec, whose type fixes the plan's.
    @Override
    @SuppressWarnings("unchecked")
    public <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec, Limits limits) {
        checkOpen("plan");
        return (Plan<A>) plans.get(spec, limits, () -> makePlan(spec, limits));
    }

    private <A extends KernelArgs> Plan<A> makePlan(KernelSpec<A> spec, Limits limits) {
        return switch (registry.decide(spec, limits)) {
            case Decision.Planned<A, CudaWork> planned -> new BackendPlan<>(spec, this, planned);
            case Decision.Refused<A, CudaWork> refused ->
                    throw new UnsupportedKernelException(
                            Failure.of(
                                    description.id(),
                                    "plan " + spec.name(),
                                    refused.support().reason() + ": " + refused.support().detail(),
                                    "what would work: " + refused.support().whatWouldWork()));
        };
    }

    @Override
    public <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec, FallbackPolicy policy) {
        checkOpen("plan");
        if (policy.target().isEmpty() || !(supports(spec) instanceof Support.Declined declined)) {
            return plan(spec);
        }
        throw new UnsupportedKernelException(
                Failure.of(
                        description.id(),
                        "plan " + spec.name(),
                        declined.reason()
                                + ": "
                                + declined.detail()
                                + "; falling back to "
                                + policy.target().get().description().id()
                                + " is not there yet in this backend",
                        "plan the spec on the other device and copy its operands there; what would"
                                + " work here: "
                                + declined.whatWouldWork()));
    }

    @Override
    public Workspace workspace(DeviceArena arena, Plan<?>... needed) {
        long bytes = 0;
        for (Plan<?> plan : needed) {
            if (plan.device() != this) {
                throw new IllegalArgumentException(
                        "a plan of "
                                + plan.device().description().id()
                                + " in a workspace of "
                                + description.id());
            }
            bytes = Math.max(bytes, plan.workspaceBytes());
        }
        checkOwn("workspace", arena);
        return new Workspace(arena.tensor(DType.U8, bytes));
    }

    @Override
    public WeightFormat preferred(Shape weightShape, WeightFormat stored) {
        return stored;
    }

    @Override
    public PackedTensor allocatePacked(DeviceArena arena, Shape weightShape, WeightFormat format) {
        throw new IllegalArgumentException(
                description.id() + " has no weight layout \"" + format.layout() + "\"");
    }

    @Override
    public CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim) {
        return CacheFormat.rowMajor(dtype, latentDim, ropeDim, CacheFormat.DEFAULT_ROWS_PER_PAGE);
    }

    @Override
    public Graph record(DeviceArena arena, Consumer<Recorder> body) {
        checkOpen("record");
        checkOwn("record", arena);
        if (!(arena instanceof CudaArena own) || !own.isAlive()) {
            throw new IllegalStateException(
                    "record: the arena \""
                            + arena.label()
                            + "\" for the graph is closed; use one that is open");
        }
        GraphRecording recording = GraphRecording.of(this, arena, body);
        FaultRecord record = faultRecords.take();
        CudaGraph graph = capture(recording, record);
        own.attach(
                () -> {
                    context.release(graph::destroy);
                    faultRecords.give(record);
                });
        return graph;
    }

    private CudaGraph capture(GraphRecording recording, FaultRecord record) {
        try {
            CudaDriver driver = context.enter("record");
            if (recording.mayFault()) {
                long stream = driver.createStream();
                record.clear(driver, stream);
                driver.synchronizeStream(stream);
                driver.destroyStream(stream);
            }
            return CudaGraph.capture(
                    driver,
                    this,
                    recording,
                    record.device(),
                    FaultReports.merge(images, record.device()));
        } catch (CudaDriverException failed) {
            faultRecords.give(record);
            throw context.failure("record", failed);
        }
    }

    @Override
    public SortedSet<String> implementations() {
        return registry.implementations();
    }

    @Override
    public Counters counters() {
        return new Counters(
                submits.sum(),
                replays.sum(),
                plans.size(),
                plans.hits(),
                plans.misses(),
                plans.evictions(),
                pieces.reserved(),
                pieces.peakReserved(),
                0,
                faults.sum());
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        // Streams first: closing one waits for its work, and nothing below may happen under a
        // running kernel.
        for (CudaStream stream : List.copyOf(streams)) {
            reportLeak("stream", stream.label(), "", stream.creation());
            closing("stream \"" + stream.label() + "\"", stream::close);
        }
        for (CudaArena arena : List.copyOf(arenas)) {
            reportLeak(
                    "arena",
                    arena.label(),
                    ", " + arena.bytesReserved() + " bytes",
                    arena.creation());
            closing("arena \"" + arena.label() + "\"", arena::close);
        }
        closing("what was waiting for work", releases::drain);
        closing("file copies", files::close);
        closing("fault records", faultRecords::close);
        closing("memory", pieces::trim);
        closing("kernels", images::close);
        closing("context", context::close);
    }

    private void reportLeak(String kind, String label, String size, @Nullable Throwable creation) {
        LOGGER.log(
                System.Logger.Level.WARNING,
                description.id()
                        + ": "
                        + kind
                        + " \""
                        + label
                        + "\" was not closed"
                        + size
                        + (creation == null
                                ? "; open the device with -Dhalcyon.trace=true to see where it was"
                                        + " made"
                                : ""),
                creation);
    }

    /// Whatever fails to close must not keep the rest open.
    private void closing(String what, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException failed) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    description.id() + ": closing " + what + " failed",
                    failed);
        }
    }

    @Override
    @SuppressWarnings("unchecked")
    public BoundLaunch<CudaWork> own(Launch launch) {
        if (!(launch instanceof BoundLaunch<?> bound) || bound.plan().device() != this) {
            throw new IllegalStateException(
                    "a launch of "
                            + launch.plan().device().description().id()
                            + " was given to a stream or recorder of "
                            + description.id());
        }
        return (BoundLaunch<CudaWork>) bound;
    }

    /// {@return whether a tensor is memory of this device}
    boolean owns(Tensor tensor) {
        return tensor.arena().device() == this;
    }

    @Override
    public void checkOwn(String operation, Tensor tensor) {
        if (!owns(tensor)) {
            throw new IllegalArgumentException(
                    operation
                            + ": "
                            + tensor
                            + " is memory of "
                            + tensor.arena().device().description().id()
                            + ", not of "
                            + description.id());
        }
    }

    private void checkOwn(String operation, DeviceArena arena) {
        if (arena.device() != this) {
            throw new IllegalArgumentException(
                    operation
                            + ": arena \""
                            + arena.label()
                            + "\" is of "
                            + arena.device().description().id()
                            + ", not of "
                            + description.id());
        }
    }

    void forget(CudaArena arena) {
        arenas.remove(arena);
    }

    void forget(CudaStream stream) {
        streams.remove(stream);
    }

    void countSubmits(long count) {
        submits.add(count);
    }

    void countReplay(long launches) {
        replays.increment();
        submits.add(launches);
    }

    void countFaults(long count) {
        faults.add(count);
    }

    private void checkOpen(String operation) {
        if (closed.get()) {
            throw new IllegalStateException(
                    operation + " on device " + description.id() + ", which is closed");
        }
    }
}

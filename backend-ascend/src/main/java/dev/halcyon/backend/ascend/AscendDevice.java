package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.graph.CapturedGraph;
import dev.halcyon.backend.ascend.kernels.AscendKernels;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.BlockPool;
import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Issuer;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.Soc;
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
import dev.halcyon.hal.event.ArenaEvent;
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

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/// One Ascend device.
final class AscendDevice implements Device {
    private static final System.Logger LOGGER = System.getLogger(AscendDevice.class.getName());
    private static final ArenaEvent ARENA_EVENT = new ArenaEvent();

    private final DeviceDescription description;
    private final DeviceOptions options;
    private final AscendContext context;
    private final Issuer issuer;
    private final Platform platform;
    private final DeviceTables tables;
    private final KernelRegistry<AscendWork> registry;
    private final PlanCache plans;
    private final BlockPool memory;
    private final BlockPool pinned;
    private final EventPool events;
    private final GraphSlots graphs;
    private final Set<AscendArena> arenas = ConcurrentHashMap.newKeySet();
    private final Set<AscendStream> streams = ConcurrentHashMap.newKeySet();
    private final LongAdder submits = new LongAdder();
    private final LongAdder replays = new LongAdder();
    private final LongAdder faults = new LongAdder();
    private final AtomicBoolean closed = new AtomicBoolean();
    private long reserved;
    private long peakReserved;

    AscendDevice(
            DeviceDescription description,
            DeviceOptions options,
            AscendLibraries libraries,
            AscendContext context) {
        this.description = description;
        this.options = options;
        this.context = context;
        this.issuer = new Issuer(libraries.runtime(), libraries.objects(), libraries.operators());
        this.tables = new DeviceTables(this);
        this.platform =
                new Platform(Soc.of(libraries.runtime().socName()), libraries.operators(), tables);
        this.registry = AscendKernels.registry(platform);
        this.plans = new PlanCache(options.planCacheSize());
        this.memory = new BlockPool(new DeviceMemory(context));
        this.pinned = new BlockPool(new PinnedMemory(context));
        this.events = new EventPool(context);
        this.graphs = new GraphSlots(this);
    }

    /// Memory of the device.
    private record DeviceMemory(AscendContext context) implements BlockPool.NativeMemory {
        @Override
        public Block allocate(long bytes) {
            context.makeCurrent();
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
                context.check(
                        context.runtime().malloc(place, bytes),
                        "aclrtMalloc of " + bytes + " bytes",
                        "");
                return new Block(place.get(ValueLayout.ADDRESS, 0).address(), bytes);
            }
        }

        @Override
        public void free(Block block) {
            context.makeCurrent();
            context.check(context.runtime().free(block.address()), "aclrtFree", "");
        }
    }

    /// Host memory that the device copies by itself.
    private record PinnedMemory(AscendContext context) implements BlockPool.NativeMemory {
        @Override
        public Block allocate(long bytes) {
            context.makeCurrent();
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
                context.check(
                        context.runtime().mallocHost(place, bytes),
                        "aclrtMallocHost of " + bytes + " bytes",
                        "");
                return new Block(place.get(ValueLayout.ADDRESS, 0).address(), bytes);
            }
        }

        @Override
        public void free(Block block) {
            context.makeCurrent();
            context.check(context.runtime().freeHost(block.address()), "aclrtFreeHost", "");
        }
    }

    @Override
    public DeviceDescription description() {
        return description;
    }

    DeviceOptions options() {
        return options;
    }

    AscendContext context() {
        return context;
    }

    Issuer issuer() {
        return issuer;
    }

    Platform platform() {
        return platform;
    }

    BlockPool memory() {
        return memory;
    }

    BlockPool pinned() {
        return pinned;
    }

    EventPool events() {
        return events;
    }

    @Override
    public DeviceArena arena(String label) {
        return newArena(label, memory, false);
    }

    @Override
    public DeviceArena hostArena(String label) {
        return newArena(label, pinned, true);
    }

    private AscendArena newArena(String label, BlockPool pool, boolean host) {
        checkOpen("arena");
        AscendArena arena = new AscendArena(this, label, pool, host);
        arenas.add(arena);
        return arena;
    }

    @Override
    public Stream stream(String label) {
        checkOpen("stream");
        AscendStream stream = new AscendStream(this, label);
        streams.add(stream);
        return stream;
    }

    /// {@return a new native stream}
    MemorySegment createStream() {
        context.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
            context.check(context.runtime().createStream(place), "aclrtCreateStreamWithConfig", "");
            return place.get(ValueLayout.ADDRESS, 0);
        }
    }

    /// Copies and waits, outside any stream's order.
    void copyNow(long to, long from, long bytes, MemcpyKind kind) {
        context.makeCurrent();
        AclRuntime runtime = context.runtime();
        context.check(
                runtime.memcpy(to, from, bytes, kind), "aclrtMemcpy of " + bytes + " bytes", "");
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
            case Decision.Planned<A, AscendWork> planned -> new BackendPlan<>(spec, this, planned);
            case Decision.Refused<A, AscendWork> refused ->
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
        if (policy.target().isPresent() && supports(spec) instanceof Support.Declined declined) {
            throw new UnsupportedKernelException(
                    Failure.of(
                            description.id(),
                            "plan " + spec.name(),
                            declined.reason() + ": " + declined.detail(),
                            "this version of the Ascend backend falls back to no other device;"
                                    + " plan the spec on "
                                    + policy.target().get().description().id()
                                    + " and copy its operands"));
        }
        return plan(spec);
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
                "this device has no weight layout \"" + format.layout() + "\"");
    }

    @Override
    public CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim) {
        return CacheFormat.rowMajor(dtype, latentDim, ropeDim, CacheFormat.DEFAULT_ROWS_PER_PAGE);
    }

    @Override
    public Graph record(DeviceArena arena, Consumer<Recorder> body) {
        checkOpen("record");
        checkOwn("record", arena);
        if (!(arena instanceof AscendArena own) || !own.isAlive()) {
            throw new IllegalStateException(
                    "record: the arena \""
                            + arena.label()
                            + "\" for the graph is closed; use one that is open");
        }
        return AscendGraph.record(this, own, body);
    }

    @Nullable CapturedGraph capture(AscendWork work) {
        return graphs.capture(work);
    }

    void destroyGraph(CapturedGraph graph, List<LastUse> uses) {
        graphs.give(graph, uses);
    }

    @Override
    public SortedSet<String> implementations() {
        return registry.implementations();
    }

    @Override
    public Counters counters() {
        long held;
        long peak;
        synchronized (this) {
            held = reserved;
            peak = peakReserved;
        }
        return new Counters(
                submits.sum(),
                replays.sum(),
                plans.size(),
                plans.hits(),
                plans.misses(),
                plans.evictions(),
                held,
                peak,
                0,
                faults.sum());
    }

    /// Keeps the account of what arenas hold.
    void accountArena(String label, long bytes) {
        if (bytes == 0) {
            return;
        }
        long held;
        synchronized (this) {
            reserved += bytes;
            peakReserved = Math.max(peakReserved, reserved);
            held = reserved;
        }
        if (bytes > 0 && ARENA_EVENT.isEnabled()) {
            ArenaEvent event = new ArenaEvent();
            event.device = description.title();
            event.label = label;
            event.bytes = bytes;
            event.reservedBytes = held;
            event.commit();
        }
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        // Streams first: closing one waits for its work.
        for (AscendStream stream : List.copyOf(streams)) {
            reportLeak("stream", stream.label(), "", stream.creation());
            closing("stream \"" + stream.label() + "\"", stream::close);
        }
        for (AscendArena arena : List.copyOf(arenas)) {
            reportLeak(
                    "arena",
                    arena.label(),
                    ", " + arena.bytesReserved() + " bytes",
                    arena.creation());
            closing("arena \"" + arena.label() + "\"", arena::close);
        }
        closing("graphs", graphs::close);
        closing("tables", tables::close);
        closing("events", events::close);
        closing("device memory", memory::close);
        closing("pinned memory", pinned::close);
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
            context.makeCurrent();
            action.run();
        } catch (RuntimeException failed) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    description.id() + ": closing " + what + " failed",
                    failed);
        }
    }

    /// {@return the launch as one of this device's}
    @SuppressWarnings("unchecked")
    BoundLaunch<AscendWork> own(Launch launch) {
        if (!(launch instanceof BoundLaunch<?> bound) || bound.plan().device() != this) {
            throw new IllegalStateException(
                    "a launch of "
                            + launch.plan().device().description().id()
                            + " was given to a stream or recorder of "
                            + description.id());
        }
        return (BoundLaunch<AscendWork>) bound;
    }

    void checkOwn(String operation, Tensor tensor) {
        if (tensor.arena().device() != this) {
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

    void checkDeviceMemory(String operation, Tensor tensor) {
        checkOwn(operation, tensor);
        if (tensor.buffer().isHostVisible()) {
            throw new IllegalArgumentException(
                    operation
                            + ": "
                            + tensor
                            + " is host memory, which a graph cannot use; copy it beside the"
                            + " graph");
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

    void forget(AscendArena arena) {
        arenas.remove(arena);
    }

    void forget(AscendStream stream) {
        streams.remove(stream);
    }

    void countSubmits(long count) {
        submits.add(count);
    }

    void countReplay(long launches) {
        replays.increment();
        submits.add(launches);
    }

    void countFault() {
        faults.increment();
    }

    private void checkOpen(String operation) {
        if (closed.get()) {
            throw new IllegalStateException(
                    operation + " on device " + description.id() + ", which is closed");
        }
    }
}

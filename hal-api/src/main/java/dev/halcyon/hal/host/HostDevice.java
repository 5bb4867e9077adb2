package dev.halcyon.hal.host;

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
import dev.halcyon.hal.spi.Kernel;
import dev.halcyon.hal.spi.KernelRegistry;
import dev.halcyon.hal.spi.PlanCache;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/// A device on host memory that runs whatever kernels it is given; see [#builder].
public final class HostDevice implements Device {
    private static final System.Logger LOGGER = System.getLogger(HostDevice.class.getName());

    private final DeviceDescription description;
    private final DeviceOptions options;
    private final KernelRegistry<HostWork> registry;
    private final HostLayouts layouts;
    private final List<Runnable> onClose;
    private final PlanCache plans;
    private final Set<HostArena> arenas = ConcurrentHashMap.newKeySet();
    private final Set<InlineStream> streams = ConcurrentHashMap.newKeySet();
    private final LongAdder submits = new LongAdder();
    private final LongAdder replays = new LongAdder();
    private final LongAdder faults = new LongAdder();
    private final LongAdder fallbacks = new LongAdder();
    private final Set<FallbackWork> fallbackWork = ConcurrentHashMap.newKeySet();
    private final Set<String> fallenBack = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final HostAllocator allocator;

    private HostDevice(Builder builder) {
        this.description = builder.description;
        this.options = builder.options;
        this.registry = builder.registry;
        this.layouts = builder.layouts;
        this.onClose = List.copyOf(builder.onClose);
        this.plans = new PlanCache(options.planCacheSize());
        this.allocator = new HostAllocator(description.id(), builder.pages);
    }

    /// {@return a builder of a device without kernels}
    public static Builder builder(DeviceDescription description, DeviceOptions options) {
        return new Builder(description, options);
    }

    /// Collects what a host device is made of.
    public static final class Builder {
        private final DeviceDescription description;
        private final DeviceOptions options;
        private final KernelRegistry<HostWork> registry = new KernelRegistry<>(HostWork::inOrder);
        private final List<Runnable> onClose = new ArrayList<>();
        private HostLayouts layouts = HostLayouts.ROW_MAJOR;
        private HostPages pages = HostPages.USUAL;

        private Builder(DeviceDescription description, DeviceOptions options) {
            this.description = description;
            this.options = options;
        }

        /// Adds a kernel.
        public Builder kernel(Kernel<?, ?, HostWork> kernel) {
            registry.register(kernel);
            return this;
        }

        /// Names the device's own weight and cache layouts.
        public Builder layouts(HostLayouts own) {
            layouts = own;
            return this;
        }

        /// Says where large tensors lie.
        public Builder pages(HostPages own) {
            pages = own;
            return this;
        }

        /// Adds what to do when the device closes, such as stopping worker threads.
        public Builder onClose(Runnable action) {
            onClose.add(action);
            return this;
        }

        /// {@return the device}
        public HostDevice build() {
            return new HostDevice(this);
        }
    }

    @Override
    public DeviceDescription description() {
        return description;
    }

    DeviceOptions options() {
        return options;
    }

    @Override
    public DeviceArena arena(String label) {
        checkOpen("arena");
        HostArena arena = new HostArena(this, label);
        arenas.add(arena);
        return arena;
    }

    @Override
    public DeviceArena hostArena(String label) {
        return arena(label);
    }

    @Override
    public Stream stream(String label) {
        checkOpen("stream");
        InlineStream stream = new InlineStream(this, label);
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
            case Decision.Planned<A, HostWork> planned -> new BackendPlan<>(spec, this, planned);
            case Decision.Refused<A, HostWork> refused ->
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
        Device target = policy.target().get();
        if (target.supports(spec) instanceof Support.Declined there) {
            throw new UnsupportedKernelException(
                    Failure.of(
                            description.id(),
                            "plan " + spec.name(),
                            declined.reason()
                                    + ": "
                                    + declined.detail()
                                    + "; the fallback device "
                                    + target.description().id()
                                    + " declines it too, "
                                    + there.reason()
                                    + ": "
                                    + there.detail(),
                            "what would work: "
                                    + declined.whatWouldWork()
                                    + ", or on the other device: "
                                    + there.whatWouldWork()));
        }
        return new BackendPlan<>(
                spec, this, FallbackDecision.of(this, target.plan(spec), declined));
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
        return layouts.preferred(weightShape, stored);
    }

    @Override
    public PackedTensor allocatePacked(DeviceArena arena, Shape weightShape, WeightFormat format) {
        checkOwn("allocatePacked", arena);
        Tensor storage = arena.tensor(DType.U8, layouts.packedBytes(weightShape, format));
        return new PackedTensor(storage, weightShape, format);
    }

    @Override
    public CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim) {
        return layouts.cacheFormat(dtype, latentDim, ropeDim);
    }

    @Override
    public Graph record(DeviceArena arena, Consumer<Recorder> body) {
        checkOpen("record");
        checkOwn("record", arena);
        if (!(arena instanceof HostArena own) || !own.isAlive()) {
            throw new IllegalStateException(
                    "record: the arena \""
                            + arena.label()
                            + "\" for the graph is closed; use one that is open");
        }
        return ListGraph.record(this, own, body);
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
                allocator.reserved(),
                allocator.peakReserved(),
                fallbacks.sum(),
                faults.sum());
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        // Streams first: closing one waits for its work, and nothing below may happen under a
        // running kernel.
        for (InlineStream stream : List.copyOf(streams)) {
            reportLeak("stream", stream.label(), "", stream.creation());
            closing("stream \"" + stream.label() + "\"", stream::close);
        }
        for (HostArena arena : List.copyOf(arenas)) {
            reportLeak(
                    "arena",
                    arena.label(),
                    ", " + arena.bytesReserved() + " bytes",
                    arena.creation());
            closing("arena \"" + arena.label() + "\"", arena::close);
        }
        fallbackWork.forEach(work -> closing("memory on a fallback device", work::close));
        fallbackWork.clear();
        onClose.forEach(action -> closing("what was registered with onClose", action));
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

    /// {@return the launch as one of this device's}
    @SuppressWarnings("unchecked")
    BoundLaunch<HostWork> own(Launch launch) {
        if (!(launch instanceof BoundLaunch<?> bound) || bound.plan().device() != this) {
            throw new IllegalStateException(
                    "a launch of "
                            + launch.plan().device().description().id()
                            + " was given to a stream or recorder of "
                            + description.id());
        }
        return (BoundLaunch<HostWork>) bound;
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

    HostAllocator allocator() {
        return allocator;
    }

    void forget(HostArena arena) {
        arenas.remove(arena);
    }

    void forget(InlineStream stream) {
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

    /// {@return `work`, whose memory on the other device is released with this device, or before
    /// the next that is kept if its operands have gone stale by then}
    FallbackWork keep(FallbackWork work) {
        fallbackWork.removeIf(FallbackWork::closeIfStale);
        fallbackWork.add(work);
        return work;
    }

    /// Counts a use of a fallback, and says so the first time for each kernel.
    void countFallback(String kernel, String message) {
        fallbacks.increment();
        if (fallenBack.add(kernel)) {
            LOGGER.log(System.Logger.Level.WARNING, description.id() + " " + message);
        }
    }

    private void checkOpen(String operation) {
        if (closed.get()) {
            throw new IllegalStateException(
                    operation + " on device " + description.id() + ", which is closed");
        }
    }
}

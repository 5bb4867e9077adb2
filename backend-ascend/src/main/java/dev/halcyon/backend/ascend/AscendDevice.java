package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.graph.CapturedGraph;
import dev.halcyon.backend.ascend.kernels.AscendKernels;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.BlockPool;
import dev.halcyon.backend.ascend.memory.LastUse;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.HostNumbers;
import dev.halcyon.backend.ascend.operators.Issuer;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.Soc;
import dev.halcyon.hal.Counters;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.FallbackPolicy;
import dev.halcyon.hal.Graph;
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
import dev.halcyon.hal.spi.Belonging;
import dev.halcyon.hal.spi.DeviceCounts;
import dev.halcyon.hal.spi.DevicePlans;
import dev.halcyon.hal.spi.OpenResources;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SortedSet;
import java.util.function.Consumer;

/// One Ascend device.
final class AscendDevice implements Device {
    private static final ArenaEvent ARENA_EVENT = new ArenaEvent();

    private final DeviceDescription description;
    private final DeviceOptions options;
    private final AscendContext context;
    private final Issuer issuer;
    private final Platform platform;
    private final DeviceTables tables;
    private final Belonging<AscendWork> belonging = new Belonging<>(this);
    private final DevicePlans<AscendWork> plans;
    private final OpenResources resources;
    private final DeviceCounts counts = new DeviceCounts();
    private final BlockPool memory;
    private final BlockPool pinned;
    private final EventPool events;
    private final GraphSlots graphs;
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
                new Platform(
                        Soc.of(libraries.runtime().socName()),
                        libraries.operators(),
                        tables,
                        AscendDevice::hostNumbers);
        this.plans =
                new DevicePlans<>(this, AscendKernels.registry(platform), options.planCacheSize());
        this.resources = new OpenResources(description.id(), options, context::makeCurrent);
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

    private static @Nullable HostNumbers hostNumbers(Tensor tensor) {
        return tensor.arena() instanceof AscendArena own ? own.hostNumbers(tensor) : null;
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
        resources.checkOpen("arena");
        return resources.opened(new AscendArena(this, label, pool, host));
    }

    @Override
    public Stream stream(String label) {
        resources.checkOpen("stream");
        return resources.opened(new AscendStream(this, label));
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
        return plans.supports(spec, limits);
    }

    @Override
    public <A extends KernelArgs> Plan<A> plan(KernelSpec<A> spec, Limits limits) {
        resources.checkOpen("plan");
        return plans.plan(spec, limits);
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
        return plans.workspace(arena, needed);
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
        return AscendKernels.cacheFormat(platform, dtype, latentDim, ropeDim);
    }

    @Override
    public Graph record(DeviceArena arena, Consumer<Recorder> body) {
        resources.checkOpen("record");
        belonging.checkHome(arena);
        return AscendGraph.record(this, (AscendArena) arena, body);
    }

    @Nullable CapturedGraph capture(AscendWork work) {
        return graphs.capture(work);
    }

    void updateGraph(CapturedGraph graph) {
        graphs.update(graph);
    }

    void destroyGraph(CapturedGraph graph, List<LastUse> uses) {
        graphs.give(graph, uses);
    }

    @Override
    public SortedSet<String> implementations() {
        return plans.implementations();
    }

    @Override
    public Counters counters() {
        long held;
        long peak;
        synchronized (this) {
            held = reserved;
            peak = peakReserved;
        }
        return counts.with(plans.cache(), held, peak);
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
        if (!resources.close()) {
            return;
        }
        resources.close("graphs", graphs::close);
        resources.close("tables", tables::close);
        resources.close("events", events::close);
        resources.close("device memory", memory::close);
        resources.close("pinned memory", pinned::close);
        context.close();
    }

    Belonging<AscendWork> belonging() {
        return belonging;
    }

    OpenResources resources() {
        return resources;
    }

    DeviceCounts counts() {
        return counts;
    }

    void checkDeviceMemory(String operation, Tensor tensor) {
        belonging.check(operation, tensor);
        if (tensor.buffer().isHostVisible()) {
            throw new IllegalArgumentException(
                    operation
                            + ": "
                            + tensor
                            + " is host memory, which a graph cannot use; copy it beside the"
                            + " graph");
        }
    }
}

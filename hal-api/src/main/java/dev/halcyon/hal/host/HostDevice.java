package dev.halcyon.hal.host;

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
import dev.halcyon.hal.spi.Belonging;
import dev.halcyon.hal.spi.DeviceCounts;
import dev.halcyon.hal.spi.DevicePlans;
import dev.halcyon.hal.spi.Kernel;
import dev.halcyon.hal.spi.KernelRegistry;
import dev.halcyon.hal.spi.OpenResources;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/// A device on host memory that runs whatever kernels it is given; see [#builder].
public final class HostDevice implements Device {
    private static final System.Logger LOGGER = System.getLogger(HostDevice.class.getName());

    private final DeviceDescription description;
    private final DeviceOptions options;
    private final HostLayouts layouts;
    private final List<Runnable> onClose;
    private final Belonging<HostWork> belonging = new Belonging<>(this);
    private final DevicePlans<HostWork> plans;
    private final OpenResources resources;
    private final DeviceCounts counts = new DeviceCounts();
    private final Set<FallbackWork> fallbackWork = ConcurrentHashMap.newKeySet();
    private final Set<String> fallenBack = ConcurrentHashMap.newKeySet();
    private final HostAllocator allocator;

    private HostDevice(Builder builder) {
        this.description = builder.description;
        this.options = builder.options;
        this.layouts = builder.layouts;
        this.onClose = List.copyOf(builder.onClose);
        this.plans = new DevicePlans<>(this, builder.registry, options.planCacheSize());
        this.resources = new OpenResources(description.id(), options, () -> {});
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
        resources.checkOpen("arena");
        return resources.opened(new HostArena(this, label));
    }

    @Override
    public DeviceArena hostArena(String label) {
        return arena(label);
    }

    @Override
    public Stream stream(String label) {
        resources.checkOpen("stream");
        return resources.opened(new InlineStream(this, label));
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
        resources.checkOpen("plan");
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
        return plans.workspace(arena, needed);
    }

    @Override
    public WeightFormat preferred(Shape weightShape, WeightFormat stored) {
        return layouts.preferred(weightShape, stored);
    }

    @Override
    public PackedTensor allocatePacked(DeviceArena arena, Shape weightShape, WeightFormat format) {
        belonging.check("allocatePacked", arena);
        Tensor storage = arena.tensor(DType.U8, layouts.packedBytes(weightShape, format));
        return new PackedTensor(storage, weightShape, format);
    }

    @Override
    public CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim) {
        return layouts.cacheFormat(dtype, latentDim, ropeDim);
    }

    @Override
    public Graph record(DeviceArena arena, Consumer<Recorder> body) {
        resources.checkOpen("record");
        belonging.checkHome(arena);
        return ListGraph.record(this, arena, body);
    }

    @Override
    public SortedSet<String> implementations() {
        return plans.implementations();
    }

    @Override
    public Counters counters() {
        return counts.with(plans.cache(), allocator.reserved(), allocator.peakReserved());
    }

    @Override
    public void close() {
        if (!resources.close()) {
            return;
        }
        fallbackWork.forEach(work -> resources.close("memory on a fallback device", work::close));
        fallbackWork.clear();
        onClose.forEach(action -> resources.close("what was registered with onClose", action));
    }

    Belonging<HostWork> belonging() {
        return belonging;
    }

    OpenResources resources() {
        return resources;
    }

    DeviceCounts counts() {
        return counts;
    }

    HostAllocator allocator() {
        return allocator;
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
        counts.fallback();
        if (fallenBack.add(kernel)) {
            LOGGER.log(System.Logger.Level.WARNING, description.id() + " " + message);
        }
    }
}

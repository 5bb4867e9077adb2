package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.graph.CudaGraph;
import dev.halcyon.backend.cuda.graph.GraphHome;
import dev.halcyon.backend.cuda.graph.SpareExecutables;
import dev.halcyon.backend.cuda.kernels.CudaKernels;
import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.backend.cuda.kernels.FaultReports;
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
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.memory.Workspace;
import dev.halcyon.hal.spi.Belonging;
import dev.halcyon.hal.spi.DeviceCounts;
import dev.halcyon.hal.spi.DevicePlans;
import dev.halcyon.hal.spi.GraphRecording;
import dev.halcyon.hal.spi.OpenResources;

import java.util.SortedSet;
import java.util.function.Consumer;

/// One GPU.
final class CudaDevice implements Device, GraphHome {
    private final DeviceDescription description;
    private final DeviceOptions options;
    private final CudaContext context;
    private final KernelImages images;
    private final DeviceBlas blas;
    private final Belonging<CudaWork> belonging = new Belonging<>(this);
    private final DevicePlans<CudaWork> plans;
    private final OpenResources resources;
    private final DeviceCounts counts = new DeviceCounts();
    private final PendingReleases releases = new PendingReleases();
    private final DeviceHeap heap;
    private final DevicePieces pieces;
    private final SpareExecutables spares = new SpareExecutables();
    private final FaultRecords faultRecords;
    private final FileCopies files;

    CudaDevice(
            DeviceDescription description,
            DeviceOptions options,
            CudaContext context,
            KernelImages images,
            DeviceBlas blas) {
        this.description = description;
        this.options = options;
        this.context = context;
        this.images = images;
        this.blas = blas;
        this.plans =
                new DevicePlans<>(
                        this,
                        CudaKernels.registry(images, blas.planner()),
                        options.planCacheSize());
        this.resources = new OpenResources(description.id(), options, () -> {});
        this.heap = new DeviceHeap(context, description.ordinal());
        this.pieces = new DevicePieces(context, heap, releases::drain);
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

    @Override
    public SpareExecutables spares() {
        return spares;
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
        resources.checkOpen("arena");
        return resources.opened(new CudaArena(this, label, pinned));
    }

    @Override
    public Stream stream(String label) {
        resources.checkOpen("stream");
        return resources.opened(new CudaStream(this, label));
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
        return plans.workspace(arena, needed);
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
        resources.checkOpen("record");
        belonging.checkHome(arena);
        GraphRecording<CudaWork> recording =
                GraphRecording.of(belonging, belonging::check, arena, body);
        FaultRecord record = faultRecords.take();
        CudaGraph graph = capture(recording, record);
        ((CudaArena) arena)
                .attach(
                        () -> {
                            context.release(graph::retire);
                            faultRecords.give(record);
                        });
        return graph;
    }

    private CudaGraph capture(GraphRecording<CudaWork> recording, FaultRecord record) {
        try {
            CudaDriver driver = context.enter("record");
            if (CudaGraph.mayFault(recording)) {
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
        return plans.implementations();
    }

    @Override
    public Counters counters() {
        return counts.with(plans.cache(), pieces.reserved(), pieces.peakReserved());
    }

    @Override
    public void close() {
        if (!resources.close()) {
            return;
        }
        resources.close("what was waiting for work", releases::drain);
        resources.close("file copies", files::close);
        resources.close("fault records", faultRecords::close);
        resources.close("graphs", () -> context.release(spares::close));
        resources.close("memory", pieces::trim);
        resources.close("pool", heap::close);
        resources.close("cuBLASLt", blas::close);
        resources.close("kernels", images::close);
        resources.close("context", context::close);
    }

    Belonging<CudaWork> belonging() {
        return belonging;
    }

    OpenResources resources() {
        return resources;
    }

    DeviceCounts counts() {
        return counts;
    }
}

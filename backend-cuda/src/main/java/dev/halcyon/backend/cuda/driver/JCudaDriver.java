package dev.halcyon.backend.cuda.driver;

import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuGraphDestroy;
import static jcuda.driver.JCudaDriver.cuGraphExecDestroy;
import static jcuda.driver.JCudaDriver.cuGraphInstantiate;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemFreeHost;
import static jcuda.driver.JCudaDriver.cuMemHostAlloc;
import static jcuda.driver.JCudaDriver.cuStreamBeginCapture;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamEndCapture;

import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstream;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The cold path by JCuda, and by FFM what is called per step or what JCuda lacks.
///
/// JCuda's launch takes 9 us where FFM takes 21 ns, because it reads every kernel parameter through
/// JNI. Its exceptions are off: they carry no code. Load it with [JCudaLoading] only.
final class JCudaDriver implements CudaDriver {
    private static final int NON_BLOCKING = 1;
    private static final int DISABLE_TIMING = 2;
    private static final int PORTABLE_AND_MAPPED = 1 | 2;
    private static final int THREAD_LOCAL = 1;

    private final FfmDriver ffm;

    /// JCuda wants its own objects back; they are kept by the number inside.
    private final Map<Long, NativePointerObject> objects = new ConcurrentHashMap<>();

    JCudaDriver(FfmDriver ffm) {
        this.ffm = ffm;
        jcuda.driver.JCudaDriver.setExceptionsEnabled(false);
    }

    private static final class Context extends CUcontext {
        long number() {
            return getNativePointer();
        }
    }

    private static final class Device extends CUdevice {}

    private static final class Memory extends CUdeviceptr {
        long number() {
            return getNativePointer();
        }
    }

    private static final class Pinned extends Pointer {
        long number() {
            return getNativePointer();
        }
    }

    private static final class Stream extends CUstream {
        long number() {
            return getNativePointer();
        }
    }

    private static final class Event extends CUevent {
        long number() {
            return getNativePointer();
        }
    }

    private static final class Graph extends CUgraph {
        long number() {
            return getNativePointer();
        }
    }

    private static final class Executable extends CUgraphExec {
        long number() {
            return getNativePointer();
        }
    }

    private long keep(long number, NativePointerObject object) {
        objects.put(number, object);
        return number;
    }

    private <T extends NativePointerObject> T kept(long number, Class<T> type) {
        return type.cast(objects.get(number));
    }

    @Override
    public String bindings() {
        return "jcuda";
    }

    @Override
    public boolean isEmulated() {
        return ffm.isEmulated();
    }

    @Override
    public void init() {
        ffm.check("cuInit", cuInit(0));
    }

    private CUdevice device(int ordinal) {
        CUdevice device = new Device();
        ffm.check("cuDeviceGet", jcuda.driver.JCudaDriver.cuDeviceGet(device, ordinal));
        return device;
    }

    @Override
    public long retainPrimaryContext(int device) {
        Context context = new Context();
        ffm.check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(context, device(device)));
        return context.number();
    }

    @Override
    public void releasePrimaryContext(int device) {
        ffm.check("cuDevicePrimaryCtxRelease", cuDevicePrimaryCtxRelease(device(device)));
    }

    @Override
    public void setCurrent(long context) {
        ffm.setCurrent(context);
    }

    @Override
    public int attribute(DeviceAttribute attribute, int device) {
        return ffm.attribute(attribute, device);
    }

    @Override
    public long allocate(long bytes) {
        Memory memory = new Memory();
        ffm.check("cuMemAlloc", cuMemAlloc(memory, bytes));
        return keep(memory.number(), memory);
    }

    @Override
    public void free(long address) {
        ffm.check("cuMemFree", cuMemFree(kept(address, Memory.class)));
        objects.remove(address);
    }

    @Override
    public long allocatePinned(long bytes) {
        Pinned memory = new Pinned();
        ffm.check("cuMemHostAlloc", cuMemHostAlloc(memory, bytes, PORTABLE_AND_MAPPED));
        return keep(memory.number(), memory);
    }

    @Override
    public void freePinned(long address) {
        ffm.check("cuMemFreeHost", cuMemFreeHost(kept(address, Pinned.class)));
        objects.remove(address);
    }

    @Override
    public long createStream() {
        Stream stream = new Stream();
        ffm.check("cuStreamCreate", cuStreamCreate(stream, NON_BLOCKING));
        return keep(stream.number(), stream);
    }

    @Override
    public void destroyStream(long stream) {
        ffm.check("cuStreamDestroy", cuStreamDestroy(kept(stream, Stream.class)));
        objects.remove(stream);
    }

    @Override
    public long createEvent() {
        Event event = new Event();
        ffm.check("cuEventCreate", cuEventCreate(event, DISABLE_TIMING));
        return keep(event.number(), event);
    }

    @Override
    public void destroyEvent(long event) {
        ffm.check("cuEventDestroy", cuEventDestroy(kept(event, Event.class)));
        objects.remove(event);
    }

    /// By FFM, as all that belongs to modules: JCuda gives no access to the compiler's words.
    @Override
    public long loadModule(MemorySegment image) {
        return ffm.loadModule(image);
    }

    @Override
    public void unloadModule(long module) {
        ffm.unloadModule(module);
    }

    @Override
    public long function(long module, String name) {
        return ffm.function(module, name);
    }

    @Override
    public void allowSharedBytes(long function, int bytes) {
        ffm.allowSharedBytes(function, bytes);
    }

    @Override
    public void beginCapture(long stream) {
        ffm.check(
                "cuStreamBeginCapture",
                cuStreamBeginCapture(kept(stream, Stream.class), THREAD_LOCAL));
    }

    @Override
    public long endCapture(long stream) {
        Graph graph = new Graph();
        ffm.check("cuStreamEndCapture", cuStreamEndCapture(kept(stream, Stream.class), graph));
        return keep(graph.number(), graph);
    }

    @Override
    public long instantiate(long graph) {
        Executable executable = new Executable();
        ffm.check(
                "cuGraphInstantiate", cuGraphInstantiate(executable, kept(graph, Graph.class), 0L));
        return keep(executable.number(), executable);
    }

    @Override
    public void destroyGraph(long graph) {
        ffm.check("cuGraphDestroy", cuGraphDestroy(kept(graph, Graph.class)));
        objects.remove(graph);
    }

    @Override
    public void destroyExecutable(long executable) {
        ffm.check("cuGraphExecDestroy", cuGraphExecDestroy(kept(executable, Executable.class)));
        objects.remove(executable);
    }

    @Override
    public long createPool(int device) {
        return ffm.createPool(device);
    }

    @Override
    public void destroyPool(long pool) {
        ffm.destroyPool(pool);
    }

    @Override
    public void trimPool(long pool) {
        ffm.trimPool(pool);
    }

    @Override
    public long allocateFrom(long pool, long bytes, long stream) {
        return ffm.allocateFrom(pool, bytes, stream);
    }

    @Override
    public void freeInOrder(long address, long stream) {
        ffm.freeInOrder(address, stream);
    }

    @Override
    public boolean update(long executable, long graph) {
        return ffm.update(executable, graph);
    }

    @Override
    public void encode(TensorMap map, MemorySegment to) {
        ffm.encode(map, to);
    }

    @Override
    public void record(long event, long stream) {
        ffm.record(event, stream);
    }

    @Override
    public boolean hasPassed(long event) {
        return ffm.hasPassed(event);
    }

    @Override
    public void synchronizeEvent(long event) {
        ffm.synchronizeEvent(event);
    }

    @Override
    public void waitFor(long stream, long event) {
        ffm.waitFor(stream, event);
    }

    @Override
    public void synchronizeStream(long stream) {
        ffm.synchronizeStream(stream);
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        ffm.copy(to, from, bytes, stream);
    }

    @Override
    public void fillBytes(long address, byte value, long bytes, long stream) {
        ffm.fillBytes(address, value, bytes, stream);
    }

    @Override
    public void launch(
            long function,
            int gridX,
            int gridY,
            int block,
            int sharedBytes,
            long stream,
            MemorySegment parameters) {
        ffm.launch(function, gridX, gridY, block, sharedBytes, stream, parameters);
    }

    @Override
    public void launchGraph(long executable, long stream) {
        ffm.launchGraph(executable, stream);
    }
}

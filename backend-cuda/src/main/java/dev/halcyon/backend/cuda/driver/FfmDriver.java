package dev.halcyon.backend.cuda.driver;

import static dev.halcyon.backend.cuda.driver.DriverFunctions.INT;
import static dev.halcyon.backend.cuda.driver.DriverFunctions.LONG;
import static dev.halcyon.backend.cuda.driver.DriverFunctions.SEGMENT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The whole interface by FFM on libcuda alone.
///
/// Source: CUDA driver API manual; the suffixes `_v2` are what the names of the manual stand for in
/// the header.
public final class FfmDriver implements CudaDriver {
    /// A symbol that only the stub exports.
    public static final String STUB_MARK = "halcyon_stub_version";

    private static final int NON_BLOCKING = 1;
    private static final int DISABLE_TIMING = 2;
    private static final int PORTABLE_AND_MAPPED = 1 | 2;
    private static final int THREAD_LOCAL = 1;
    private static final int MAX_DYNAMIC_SHARED = 8;
    private static final int JIT_ERROR_LOG = 5;
    private static final int JIT_ERROR_LOG_BYTES = 6;
    private static final long COMPILER_LOG_BYTES = 8192;
    private static final long LONGEST_TEXT = 1024;

    private final boolean emulated;
    private final MethodHandle init;
    private final MethodHandle getErrorString;
    private final MethodHandle contextRetain;
    private final MethodHandle contextRelease;
    private final MethodHandle contextSetCurrent;
    private final MethodHandle deviceGetAttribute;
    private final MethodHandle memAlloc;
    private final MethodHandle memFree;
    private final MethodHandle memHostAlloc;
    private final MethodHandle memFreeHost;
    private final MethodHandle streamCreate;
    private final MethodHandle streamDestroy;
    private final MethodHandle eventCreate;
    private final MethodHandle eventDestroy;
    private final MethodHandle moduleLoadData;
    private final MethodHandle moduleUnload;
    private final MethodHandle moduleGetFunction;
    private final MethodHandle funcSetAttribute;
    private final MethodHandle streamBeginCapture;
    private final MethodHandle streamEndCapture;
    private final MethodHandle graphInstantiate;
    private final MethodHandle graphDestroy;
    private final MethodHandle graphExecDestroy;
    private final MethodHandle eventRecord;
    private final MethodHandle eventQuery;
    private final MethodHandle eventSynchronize;
    private final MethodHandle streamWaitEvent;
    private final MethodHandle streamSynchronize;
    private final MethodHandle memcpyAsync;
    private final MethodHandle memsetD8Async;
    private final MethodHandle launchKernel;
    private final MethodHandle graphLaunch;
    private final FfmLaterFunctions later;

    /// Binds the functions.
    ///
    /// @throws IllegalStateException naming the symbol that the library lacks
    public FfmDriver(DynamicLibrary library) {
        DriverFunctions functions = new DriverFunctions(library);
        emulated = library.find(STUB_MARK).isPresent();
        init = functions.bind("cuInit", INT);
        getErrorString = functions.bind("cuGetErrorString", INT, SEGMENT);
        contextRetain = functions.bind("cuDevicePrimaryCtxRetain", SEGMENT, INT);
        contextRelease = functions.bind("cuDevicePrimaryCtxRelease_v2", INT);
        contextSetCurrent = functions.bind("cuCtxSetCurrent", LONG);
        deviceGetAttribute = functions.bind("cuDeviceGetAttribute", SEGMENT, INT, INT);
        memAlloc = functions.bind("cuMemAlloc_v2", SEGMENT, LONG);
        memFree = functions.bind("cuMemFree_v2", LONG);
        memHostAlloc = functions.bind("cuMemHostAlloc", SEGMENT, LONG, INT);
        memFreeHost = functions.bind("cuMemFreeHost", LONG);
        streamCreate = functions.bind("cuStreamCreate", SEGMENT, INT);
        streamDestroy = functions.bind("cuStreamDestroy_v2", LONG);
        eventCreate = functions.bind("cuEventCreate", SEGMENT, INT);
        eventDestroy = functions.bind("cuEventDestroy_v2", LONG);
        moduleLoadData =
                functions.bind("cuModuleLoadDataEx", SEGMENT, SEGMENT, INT, SEGMENT, SEGMENT);
        moduleUnload = functions.bind("cuModuleUnload", LONG);
        moduleGetFunction = functions.bind("cuModuleGetFunction", SEGMENT, LONG, SEGMENT);
        funcSetAttribute = functions.bind("cuFuncSetAttribute", LONG, INT, INT);
        streamBeginCapture = functions.bind("cuStreamBeginCapture_v2", LONG, INT);
        streamEndCapture = functions.bind("cuStreamEndCapture", LONG, SEGMENT);
        graphInstantiate = functions.bind("cuGraphInstantiateWithFlags", SEGMENT, LONG, LONG);
        graphDestroy = functions.bind("cuGraphDestroy", LONG);
        graphExecDestroy = functions.bind("cuGraphExecDestroy", LONG);
        eventRecord = functions.bind("cuEventRecord", LONG, LONG);
        eventQuery = functions.bind("cuEventQuery", LONG);
        eventSynchronize = functions.bind("cuEventSynchronize", LONG);
        streamWaitEvent = functions.bind("cuStreamWaitEvent", LONG, LONG, INT);
        streamSynchronize = functions.bind("cuStreamSynchronize", LONG);
        memcpyAsync = functions.bind("cuMemcpyAsync", LONG, LONG, LONG, LONG);
        memsetD8Async = functions.bind("cuMemsetD8Async", LONG, ValueLayout.JAVA_BYTE, LONG, LONG);
        launchKernel =
                functions.bind(
                        "cuLaunchKernel",
                        LONG,
                        INT,
                        INT,
                        INT,
                        INT,
                        INT,
                        INT,
                        INT,
                        LONG,
                        SEGMENT,
                        LONG);
        graphLaunch = functions.bind("cuGraphLaunch", LONG, LONG);
        later = new FfmLaterFunctions(functions);
    }

    /// A downcall, which the compiler cannot see through.
    @FunctionalInterface
    private interface Call {
        int invoke() throws Throwable;
    }

    /// A downcall that answers in memory.
    @FunctionalInterface
    private interface CallInto {
        int invoke(MemorySegment answer) throws Throwable;
    }

    private void run(String function, Call call) {
        int code;
        try {
            code = call.invoke();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check(function, code);
    }

    private long ask(String function, CallInto call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(LONG);
            run(function, () -> call.invoke(answer));
            return answer.get(LONG, 0);
        }
    }

    /// @throws CudaDriverException unless the code is 0
    void check(String function, int code) {
        if (code != 0) {
            throw new CudaDriverException(function, code, text(code));
        }
    }

    private String text(int code) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(ValueLayout.ADDRESS);
            int found = (int) getErrorString.invokeExact(code, text);
            MemorySegment words = text.get(ValueLayout.ADDRESS, 0);
            return found != 0 || words.address() == 0
                    ? ""
                    : words.reinterpret(LONGEST_TEXT).getString(0);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    @Override
    public String bindings() {
        return "ffm";
    }

    @Override
    public boolean isEmulated() {
        return emulated;
    }

    @Override
    public void init() {
        run("cuInit", () -> (int) init.invokeExact(0));
    }

    @Override
    public long retainPrimaryContext(int device) {
        return ask(
                "cuDevicePrimaryCtxRetain",
                answer -> (int) contextRetain.invokeExact(answer, device));
    }

    @Override
    public void releasePrimaryContext(int device) {
        run("cuDevicePrimaryCtxRelease", () -> (int) contextRelease.invokeExact(device));
    }

    @Override
    public void setCurrent(long context) {
        int code;
        try {
            code = (int) contextSetCurrent.invokeExact(context);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuCtxSetCurrent", code);
    }

    @Override
    public int attribute(DeviceAttribute attribute, int device) {
        return (int)
                ask(
                        "cuDeviceGetAttribute",
                        answer ->
                                (int)
                                        deviceGetAttribute.invokeExact(
                                                answer, attribute.number(), device));
    }

    @Override
    public long allocate(long bytes) {
        return ask("cuMemAlloc", answer -> (int) memAlloc.invokeExact(answer, bytes));
    }

    @Override
    public void free(long address) {
        run("cuMemFree", () -> (int) memFree.invokeExact(address));
    }

    @Override
    public long createPool(int device) {
        long pool = ask("cuMemPoolCreate", answer -> later.createPool(answer, device));
        check("cuMemPoolSetAttribute", later.keepEverything(pool));
        return pool;
    }

    @Override
    public void destroyPool(long pool) {
        check("cuMemPoolDestroy", later.destroyPool(pool));
    }

    @Override
    public void trimPool(long pool) {
        check("cuMemPoolTrimTo", later.trimPool(pool));
    }

    @Override
    public long allocateFrom(long pool, long bytes, long stream) {
        return ask(
                "cuMemAllocFromPoolAsync",
                answer -> later.allocateFrom(answer, pool, bytes, stream));
    }

    @Override
    public void freeInOrder(long address, long stream) {
        check("cuMemFreeAsync", later.freeInOrder(address, stream));
    }

    @Override
    public boolean update(long executable, long graph) {
        int code = later.update(executable, graph);
        if (code == CudaResult.GRAPH_EXEC_UPDATE_FAILURE.code()) {
            return false;
        }
        check("cuGraphExecUpdate", code);
        return true;
    }

    @Override
    public void encode(TensorMap map, MemorySegment to) {
        check("cuTensorMapEncodeTiled", later.encode(map, to));
    }

    @Override
    public long allocatePinned(long bytes) {
        return ask(
                "cuMemHostAlloc",
                answer -> (int) memHostAlloc.invokeExact(answer, bytes, PORTABLE_AND_MAPPED));
    }

    @Override
    public void freePinned(long address) {
        run("cuMemFreeHost", () -> (int) memFreeHost.invokeExact(address));
    }

    @Override
    public long createStream() {
        return ask(
                "cuStreamCreate", answer -> (int) streamCreate.invokeExact(answer, NON_BLOCKING));
    }

    @Override
    public void destroyStream(long stream) {
        run("cuStreamDestroy", () -> (int) streamDestroy.invokeExact(stream));
    }

    @Override
    public long createEvent() {
        return ask(
                "cuEventCreate", answer -> (int) eventCreate.invokeExact(answer, DISABLE_TIMING));
    }

    @Override
    public void destroyEvent(long event) {
        run("cuEventDestroy", () -> (int) eventDestroy.invokeExact(event));
    }

    /// Asks the driver's compiler for its words, which say more than the code.
    @Override
    public long loadModule(MemorySegment image) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment log = arena.allocate(COMPILER_LOG_BYTES);
            MemorySegment options = arena.allocateFrom(INT, JIT_ERROR_LOG, JIT_ERROR_LOG_BYTES);
            // Every value takes the room of a pointer.
            MemorySegment values = arena.allocateFrom(LONG, log.address(), COMPILER_LOG_BYTES);
            try {
                return ask(
                        "cuModuleLoadDataEx",
                        answer ->
                                (int)
                                        moduleLoadData.invokeExact(
                                                answer, image, 2, options, values));
            } catch (CudaDriverException failed) {
                String said = log.getString(0).strip();
                throw said.isEmpty() ? failed : failed.withText(failed.text() + ": " + said);
            }
        }
    }

    @Override
    public void unloadModule(long module) {
        run("cuModuleUnload", () -> (int) moduleUnload.invokeExact(module));
    }

    @Override
    public long function(long module, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(name);
            return ask(
                    "cuModuleGetFunction",
                    answer -> (int) moduleGetFunction.invokeExact(answer, module, text));
        }
    }

    @Override
    public void allowSharedBytes(long function, int bytes) {
        run(
                "cuFuncSetAttribute",
                () -> (int) funcSetAttribute.invokeExact(function, MAX_DYNAMIC_SHARED, bytes));
    }

    @Override
    public void beginCapture(long stream) {
        run(
                "cuStreamBeginCapture",
                () -> (int) streamBeginCapture.invokeExact(stream, THREAD_LOCAL));
    }

    @Override
    public long endCapture(long stream) {
        return ask(
                "cuStreamEndCapture", answer -> (int) streamEndCapture.invokeExact(stream, answer));
    }

    @Override
    public long instantiate(long graph) {
        return ask(
                "cuGraphInstantiate",
                answer -> (int) graphInstantiate.invokeExact(answer, graph, 0L));
    }

    @Override
    public void destroyGraph(long graph) {
        run("cuGraphDestroy", () -> (int) graphDestroy.invokeExact(graph));
    }

    @Override
    public void destroyExecutable(long executable) {
        run("cuGraphExecDestroy", () -> (int) graphExecDestroy.invokeExact(executable));
    }

    @Override
    public void record(long event, long stream) {
        int code;
        try {
            code = (int) eventRecord.invokeExact(event, stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuEventRecord", code);
    }

    @Override
    public boolean hasPassed(long event) {
        int code;
        try {
            code = (int) eventQuery.invokeExact(event);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        if (code == CudaResult.NOT_READY.code()) {
            return false;
        }
        check("cuEventQuery", code);
        return true;
    }

    @Override
    public void synchronizeEvent(long event) {
        int code;
        try {
            code = (int) eventSynchronize.invokeExact(event);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuEventSynchronize", code);
    }

    @Override
    public void waitFor(long stream, long event) {
        int code;
        try {
            code = (int) streamWaitEvent.invokeExact(stream, event, 0);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuStreamWaitEvent", code);
    }

    @Override
    public void synchronizeStream(long stream) {
        int code;
        try {
            code = (int) streamSynchronize.invokeExact(stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuStreamSynchronize", code);
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        int code;
        try {
            code = (int) memcpyAsync.invokeExact(to, from, bytes, stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuMemcpyAsync", code);
    }

    @Override
    public void fillBytes(long address, byte value, long bytes, long stream) {
        int code;
        try {
            code = (int) memsetD8Async.invokeExact(address, value, bytes, stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuMemsetD8Async", code);
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
        int code;
        try {
            code =
                    (int)
                            launchKernel.invokeExact(
                                    function,
                                    gridX,
                                    gridY,
                                    1,
                                    block,
                                    1,
                                    1,
                                    sharedBytes,
                                    stream,
                                    parameters,
                                    0L);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuLaunchKernel", code);
    }

    @Override
    public void launchGraph(long executable, long stream) {
        int code;
        try {
            code = (int) graphLaunch.invokeExact(executable, stream);
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
        check("cuGraphLaunch", code);
    }
}

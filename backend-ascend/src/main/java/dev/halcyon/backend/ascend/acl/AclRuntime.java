package dev.halcyon.backend.ascend.acl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Bindings to the ACL runtime: devices, contexts, memory, streams, events and recorded graphs.
///
/// A method returns CANN's status, to be looked at with [ReturnCode], unless it says otherwise.
/// Device addresses are plain numbers. Everything except the first few calls needs a context on the
/// calling thread.
public final class AclRuntime {
    static final int HUGE_PAGES_FIRST = 0;
    static final int FAST_LAUNCH_AND_SYNC = 3;
    static final int EVENT_SYNC = 1;
    static final int MEMORY_HBM = 1;
    static final int OPTION_DETERMINISTIC = 0;
    static final int EVENT_RECORDED = 1;
    private static final long LONGEST_MESSAGE = 64 * 1024;

    private static final MethodHandle INIT = handle(RuntimeFunction.INIT);
    private static final MethodHandle GET_VERSION = handle(RuntimeFunction.GET_VERSION);
    private static final MethodHandle GET_RECENT_ERROR = handle(RuntimeFunction.GET_RECENT_ERROR);
    private static final MethodHandle GET_DEVICE_COUNT = handle(RuntimeFunction.GET_DEVICE_COUNT);
    private static final MethodHandle SET_DEVICE = handle(RuntimeFunction.SET_DEVICE);
    private static final MethodHandle RESET_DEVICE = handle(RuntimeFunction.RESET_DEVICE);
    private static final MethodHandle GET_SOC_NAME = handle(RuntimeFunction.GET_SOC_NAME);
    private static final MethodHandle SET_CURRENT_CONTEXT =
            handle(RuntimeFunction.SET_CURRENT_CONTEXT);
    private static final MethodHandle GET_CURRENT_CONTEXT =
            handle(RuntimeFunction.GET_CURRENT_CONTEXT);
    private static final MethodHandle SET_SYSTEM_OPTION = handle(RuntimeFunction.SET_SYSTEM_OPTION);
    private static final MethodHandle GET_MEMORY_INFO = handle(RuntimeFunction.GET_MEMORY_INFO);
    private static final MethodHandle MALLOC = handle(RuntimeFunction.MALLOC);
    private static final MethodHandle FREE = handle(RuntimeFunction.FREE);
    private static final MethodHandle MALLOC_HOST = handle(RuntimeFunction.MALLOC_HOST);
    private static final MethodHandle FREE_HOST = handle(RuntimeFunction.FREE_HOST);
    private static final MethodHandle MEMCPY = handle(RuntimeFunction.MEMCPY);
    private static final MethodHandle MEMCPY_ASYNC = handle(RuntimeFunction.MEMCPY_ASYNC);
    private static final MethodHandle MEMSET_ASYNC = handle(RuntimeFunction.MEMSET_ASYNC);
    private static final MethodHandle CREATE_STREAM = handle(RuntimeFunction.CREATE_STREAM);
    private static final MethodHandle DESTROY_STREAM = handle(RuntimeFunction.DESTROY_STREAM);
    private static final MethodHandle SYNCHRONIZE_STREAM =
            handle(RuntimeFunction.SYNCHRONIZE_STREAM);
    private static final MethodHandle CREATE_EVENT = handle(RuntimeFunction.CREATE_EVENT);
    private static final MethodHandle DESTROY_EVENT = handle(RuntimeFunction.DESTROY_EVENT);
    private static final MethodHandle RECORD_EVENT = handle(RuntimeFunction.RECORD_EVENT);
    private static final MethodHandle QUERY_EVENT_STATUS =
            handle(RuntimeFunction.QUERY_EVENT_STATUS);
    private static final MethodHandle SYNCHRONIZE_EVENT = handle(RuntimeFunction.SYNCHRONIZE_EVENT);
    private static final MethodHandle STREAM_WAIT_EVENT = handle(RuntimeFunction.STREAM_WAIT_EVENT);
    private static final MethodHandle CAPTURE_BEGIN = handle(RuntimeFunction.CAPTURE_BEGIN);
    private static final MethodHandle CAPTURE_END = handle(RuntimeFunction.CAPTURE_END);
    private static final MethodHandle CAPTURE_GROUP_BEGIN =
            handle(RuntimeFunction.CAPTURE_GROUP_BEGIN);
    private static final MethodHandle CAPTURE_GROUP_END = handle(RuntimeFunction.CAPTURE_GROUP_END);
    private static final MethodHandle UPDATE_BEGIN = handle(RuntimeFunction.UPDATE_BEGIN);
    private static final MethodHandle UPDATE_END = handle(RuntimeFunction.UPDATE_END);
    private static final MethodHandle EXECUTE_GRAPH = handle(RuntimeFunction.EXECUTE_GRAPH);
    private static final MethodHandle DESTROY_GRAPH = handle(RuntimeFunction.DESTROY_GRAPH);

    private final Symbols symbols;

    /// Binds the functions of these libraries, each when it is first called.
    public AclRuntime(Symbols symbols) {
        this.symbols = symbols;
    }

    private static MethodHandle handle(RuntimeFunction function) {
        return Signature.handle(function.letters());
    }

    private MemorySegment at(RuntimeFunction function) {
        return symbols.address(function.symbol(), Since.CANN_8_1);
    }

    private static MemorySegment pointer(long address) {
        return MemorySegment.ofAddress(address);
    }

    /// A downcall throws nothing of its own.
    private static RuntimeException failed(Throwable failure) {
        if (failure instanceof AbsentFunctionException absent) {
            return absent;
        }
        throw new AssertionError(failure);
    }

    /// {@return whether the runtime has everything that recording a graph needs}
    public boolean canCapture() {
        return symbols.has(RuntimeFunction.CAPTURE_BEGIN.symbol())
                && symbols.has(RuntimeFunction.CAPTURE_END.symbol())
                && symbols.has(RuntimeFunction.EXECUTE_GRAPH.symbol());
    }

    /// {@return whether the runtime can replace an operator's arguments in a recorded graph}
    public boolean canUpdate() {
        return symbols.has(RuntimeFunction.CAPTURE_GROUP_BEGIN.symbol())
                && symbols.has(RuntimeFunction.CAPTURE_GROUP_END.symbol())
                && symbols.has(RuntimeFunction.UPDATE_BEGIN.symbol())
                && symbols.has(RuntimeFunction.UPDATE_END.symbol());
    }

    /// {@return whether this runtime is the emulator, which says so by a function that CANN lacks}
    public boolean isEmulated() {
        return symbols.has("emu_version");
    }

    /// Starts the runtime for this process; [ReturnCode#REPEAT_INITIALIZE] if it runs already.
    public int init() {
        try {
            return (int) INIT.invokeExact(at(RuntimeFunction.INIT), MemorySegment.NULL);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Counts devices; needs no context.
    ///
    /// @param count receives a 32-bit number
    public int getDeviceCount(MemorySegment count) {
        try {
            return (int) GET_DEVICE_COUNT.invokeExact(at(RuntimeFunction.GET_DEVICE_COUNT), count);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Makes the device's default context the calling thread's, and counts a use of the device.
    public int setDevice(int device) {
        try {
            return (int) SET_DEVICE.invokeExact(at(RuntimeFunction.SET_DEVICE), device);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Ends a use of the device; the last one releases it.
    public int resetDevice(int device) {
        try {
            return (int) RESET_DEVICE.invokeExact(at(RuntimeFunction.RESET_DEVICE), device);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Makes a context the calling thread's.
    public int setCurrentContext(MemorySegment context) {
        try {
            return (int)
                    SET_CURRENT_CONTEXT.invokeExact(
                            at(RuntimeFunction.SET_CURRENT_CONTEXT), context);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Stores the calling thread's context.
    public int getCurrentContext(MemorySegment context) {
        try {
            return (int)
                    GET_CURRENT_CONTEXT.invokeExact(
                            at(RuntimeFunction.GET_CURRENT_CONTEXT), context);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Makes later operators of the context give the same bits every time.
    public int setDeterministic(boolean on) {
        try {
            return (int)
                    SET_SYSTEM_OPTION.invokeExact(
                            at(RuntimeFunction.SET_SYSTEM_OPTION),
                            OPTION_DETERMINISTIC,
                            on ? 1L : 0L);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Stores free and total bytes of device memory.
    public int getMemoryInfo(MemorySegment free, MemorySegment total) {
        try {
            return (int)
                    GET_MEMORY_INFO.invokeExact(
                            at(RuntimeFunction.GET_MEMORY_INFO), MEMORY_HBM, free, total);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Allocates device memory, in huge pages where there are any.
    public int malloc(MemorySegment address, long bytes) {
        try {
            return (int)
                    MALLOC.invokeExact(
                            at(RuntimeFunction.MALLOC), address, bytes, HUGE_PAGES_FIRST);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Frees device memory that no queued work uses.
    public int free(long address) {
        try {
            return (int) FREE.invokeExact(at(RuntimeFunction.FREE), pointer(address));
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Allocates pinned host memory.
    public int mallocHost(MemorySegment address, long bytes) {
        try {
            return (int) MALLOC_HOST.invokeExact(at(RuntimeFunction.MALLOC_HOST), address, bytes);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Frees pinned host memory that no queued work uses.
    public int freeHost(long address) {
        try {
            return (int) FREE_HOST.invokeExact(at(RuntimeFunction.FREE_HOST), pointer(address));
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Copies and waits; it does not wait for streams.
    public int memcpy(long to, long from, long bytes, MemcpyKind kind) {
        try {
            return (int)
                    MEMCPY.invokeExact(
                            at(RuntimeFunction.MEMCPY),
                            pointer(to),
                            bytes,
                            pointer(from),
                            bytes,
                            kind.value());
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Queues a copy; host memory must be pinned.
    public int memcpyAsync(long to, long from, long bytes, MemcpyKind kind, MemorySegment stream) {
        try {
            return (int)
                    MEMCPY_ASYNC.invokeExact(
                            at(RuntimeFunction.MEMCPY_ASYNC),
                            pointer(to),
                            bytes,
                            pointer(from),
                            bytes,
                            kind.value(),
                            stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Queues a fill of bytes.
    public int memsetAsync(long to, int value, long bytes, MemorySegment stream) {
        try {
            return (int)
                    MEMSET_ASYNC.invokeExact(
                            at(RuntimeFunction.MEMSET_ASYNC),
                            pointer(to),
                            bytes,
                            value,
                            bytes,
                            stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Creates a stream in the current context.
    public int createStream(MemorySegment stream) {
        try {
            return (int)
                    CREATE_STREAM.invokeExact(
                            at(RuntimeFunction.CREATE_STREAM), stream, 0, FAST_LAUNCH_AND_SYNC);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Destroys a stream once its work is done.
    public int destroyStream(MemorySegment stream) {
        try {
            return (int) DESTROY_STREAM.invokeExact(at(RuntimeFunction.DESTROY_STREAM), stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Waits for everything in the stream.
    public int synchronizeStream(MemorySegment stream) {
        try {
            return (int)
                    SYNCHRONIZE_STREAM.invokeExact(at(RuntimeFunction.SYNCHRONIZE_STREAM), stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Creates an event that may be recorded again and again.
    public int createEvent(MemorySegment event) {
        try {
            return (int)
                    CREATE_EVENT.invokeExact(at(RuntimeFunction.CREATE_EVENT), event, EVENT_SYNC);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Destroys an event.
    public int destroyEvent(MemorySegment event) {
        try {
            return (int) DESTROY_EVENT.invokeExact(at(RuntimeFunction.DESTROY_EVENT), event);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Records the place that the stream has come to.
    public int recordEvent(MemorySegment event, MemorySegment stream) {
        try {
            return (int) RECORD_EVENT.invokeExact(at(RuntimeFunction.RECORD_EVENT), event, stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Waits for an event.
    ///
    /// @param timeoutMillis milliseconds, at least 1
    public int synchronizeEvent(MemorySegment event, int timeoutMillis) {
        try {
            return (int)
                    SYNCHRONIZE_EVENT.invokeExact(
                            at(RuntimeFunction.SYNCHRONIZE_EVENT), event, timeoutMillis);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Makes later work of the stream wait for the event as it was recorded last.
    public int streamWaitEvent(MemorySegment stream, MemorySegment event) {
        try {
            return (int)
                    STREAM_WAIT_EVENT.invokeExact(
                            at(RuntimeFunction.STREAM_WAIT_EVENT), stream, event);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Begins to record what is given to the stream instead of running it.
    public int captureBegin(MemorySegment stream, CaptureMode mode) {
        try {
            return (int)
                    CAPTURE_BEGIN.invokeExact(
                            at(RuntimeFunction.CAPTURE_BEGIN), stream, mode.value());
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Ends a recording, on the thread that began it.
    public int captureEnd(MemorySegment stream, MemorySegment graph) {
        try {
            return (int) CAPTURE_END.invokeExact(at(RuntimeFunction.CAPTURE_END), stream, graph);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Begins a group of one operator, whose arguments may be replaced later.
    public int captureGroupBegin(MemorySegment stream) {
        try {
            return (int)
                    CAPTURE_GROUP_BEGIN.invokeExact(
                            at(RuntimeFunction.CAPTURE_GROUP_BEGIN), stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Ends a group.
    ///
    /// @param group receives its handle, which lives as long as the graph
    public int captureGroupEnd(MemorySegment stream, MemorySegment group) {
        try {
            return (int)
                    CAPTURE_GROUP_END.invokeExact(
                            at(RuntimeFunction.CAPTURE_GROUP_END), stream, group);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Lets the next operator on a stream that does not record replace that of a group.
    public int updateBegin(MemorySegment stream, MemorySegment group) {
        try {
            return (int) UPDATE_BEGIN.invokeExact(at(RuntimeFunction.UPDATE_BEGIN), stream, group);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Ends a replacement.
    public int updateEnd(MemorySegment stream) {
        try {
            return (int) UPDATE_END.invokeExact(at(RuntimeFunction.UPDATE_END), stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Queues a recorded graph.
    public int executeGraph(MemorySegment graph, MemorySegment stream) {
        try {
            return (int)
                    EXECUTE_GRAPH.invokeExact(at(RuntimeFunction.EXECUTE_GRAPH), graph, stream);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Destroys a recorded graph that is not running.
    public int destroyGraph(MemorySegment graph) {
        try {
            return (int) DESTROY_GRAPH.invokeExact(at(RuntimeFunction.DESTROY_GRAPH), graph);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Whether an event has been reached; CANN counts the other way round than for its other
    /// states.
    ///
    /// @param status scratch for a 32-bit number
    /// @return 1 if it was, 0 if not, otherwise the negative status of the call
    public int isEventReached(MemorySegment event, MemorySegment status) {
        try {
            int code =
                    (int)
                            QUERY_EVENT_STATUS.invokeExact(
                                    at(RuntimeFunction.QUERY_EVENT_STATUS), event, status);
            if (code != ReturnCode.SUCCESS) {
                return -code;
            }
            return status.get(ValueLayout.JAVA_INT, 0) == EVENT_RECORDED ? 1 : 0;
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// {@return the version of the runtime's interface (1.13 in CANN 8.1); empty if it does not
    /// say}
    public String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment numbers = arena.allocate(ValueLayout.JAVA_INT, 3);
            int code =
                    (int)
                            GET_VERSION.invokeExact(
                                    at(RuntimeFunction.GET_VERSION),
                                    numbers,
                                    numbers.asSlice(4),
                                    numbers.asSlice(8));
            return code != ReturnCode.SUCCESS
                    ? ""
                    : numbers.getAtIndex(ValueLayout.JAVA_INT, 0)
                            + "."
                            + numbers.getAtIndex(ValueLayout.JAVA_INT, 1)
                            + "."
                            + numbers.getAtIndex(ValueLayout.JAVA_INT, 2);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// {@return the processor's name, `Ascend910B3`; empty if the runtime has none}
    public String socName() {
        try {
            return text((MemorySegment) GET_SOC_NAME.invokeExact(at(RuntimeFunction.GET_SOC_NAME)));
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// {@return what the last failed call on this thread said, once; empty if nothing}
    ///
    /// The text is the thread's own and gone with the next call, so ask at once.
    public String recentError() {
        try {
            return text((MemorySegment)
                            GET_RECENT_ERROR.invokeExact(at(RuntimeFunction.GET_RECENT_ERROR)))
                    .strip();
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    private static String text(MemorySegment characters) {
        return characters.address() == 0
                ? ""
                : characters.reinterpret(LONGEST_MESSAGE).getString(0);
    }
}

package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.ReturnCode;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.error.ResourceExhaustedException;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A device's native context, and what becomes of a status that is not success.
///
/// CANN keeps the current context for each operating-system thread; every call sets it first if the
/// thread has another. Usable from any platform thread.
final class AscendContext {
    private static final ThreadLocal<@Nullable AscendContext> CURRENT = new ThreadLocal<>();

    private final String id;
    private final int ordinal;
    private final AclRuntime runtime;
    private final MemorySegment context;
    private volatile @Nullable DeviceLostException lost;

    private AscendContext(int ordinal, AclRuntime runtime, MemorySegment context) {
        this.id = "ascend:" + ordinal;
        this.ordinal = ordinal;
        this.runtime = runtime;
        this.context = context;
    }

    /// {@return the context of a device, which is then the calling thread's}
    ///
    /// @throws BackendUnavailableException if the device cannot be used
    static AscendContext open(AclRuntime runtime, int ordinal, boolean deterministic) {
        int started = runtime.init();
        if (started != ReturnCode.REPEAT_INITIALIZE) {
            requireOpen(runtime, ordinal, "aclInit", started);
        }
        requireOpen(runtime, ordinal, "aclrtSetDevice", runtime.setDevice(ordinal));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
            requireOpen(
                    runtime, ordinal, "aclrtGetCurrentContext", runtime.getCurrentContext(place));
            AscendContext opened =
                    new AscendContext(ordinal, runtime, place.get(ValueLayout.ADDRESS, 0));
            requireOpen(
                    runtime,
                    ordinal,
                    "aclrtCtxSetSysParamOpt",
                    runtime.setDeterministic(deterministic));
            CURRENT.set(opened);
            return opened;
        }
    }

    private static void requireOpen(AclRuntime runtime, int ordinal, String function, int status) {
        if (status != ReturnCode.SUCCESS) {
            String text = runtime.recentError();
            throw new BackendUnavailableException(
                    new Failure(
                            "ascend:" + ordinal,
                            "open",
                            function + " failed",
                            new ReturnCode(status).toString(),
                            text,
                            "check npu-smi info, that no other process holds the device, and that"
                                    + " you are in the group of the driver's devices"));
        }
    }

    String id() {
        return id;
    }

    AclRuntime runtime() {
        return runtime;
    }

    /// Makes the device the calling thread's.
    void makeCurrent() {
        DeviceLostException gone = lost;
        if (gone != null) {
            throw new DeviceLostException(gone.failure(), gone);
        }
        if (CURRENT.get() != this) {
            check(runtime.setCurrentContext(context), "aclrtSetCurrentContext", "");
            CURRENT.set(this);
        }
    }

    /// Fails if a status is not success.
    ///
    /// @param operation what was being done
    /// @param context what else a reader should know; empty if nothing
    void check(int status, String operation, String context) {
        if (status != ReturnCode.SUCCESS) {
            throw failure(status, operation, context);
        }
    }

    /// {@return the exception for a status, with what CANN said about it on this thread}
    HalException failure(int status, String operation, String context) {
        ReturnCode code = new ReturnCode(status);
        String text = runtime.recentError();
        String detail =
                switch (code.group()) {
                    case MEMORY -> "the device has no memory left";
                    case RESOURCE -> "the device has no such resource left";
                    case OPERATOR -> "CANN refuses the operator";
                    case EXECUTION -> "work on the device failed";
                    case LOST -> "the device is gone";
                    default -> "CANN refuses the call";
                };
        Failure failure =
                new Failure(
                        id,
                        operation,
                        detail
                                + " on thread \""
                                + Thread.currentThread().getName()
                                + "\""
                                + (context.isEmpty() ? "" : "; " + context),
                        code.toString(),
                        text,
                        code.remedy());
        return switch (code.group()) {
            case MEMORY -> new OutOfDeviceMemoryException(failure);
            case RESOURCE -> new ResourceExhaustedException(failure);
            case LOST -> {
                DeviceLostException gone = new DeviceLostException(failure);
                lost = gone;
                yield gone;
            }
            default -> new DeviceExecutionException(failure);
        };
    }

    /// Gives the device up; on the thread that closes it.
    void close() {
        if (lost == null) {
            runtime.setCurrentContext(context);
        }
        runtime.resetDevice(ordinal);
        CURRENT.remove();
    }
}

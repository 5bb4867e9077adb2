package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.driver.CudaResult;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.error.ResourceExhaustedException;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;

/// The primary context of one device: it makes itself current on whichever thread calls, and turns
/// return codes into failures of the HAL.
///
/// It is the primary one because whoever else uses the device in this process uses that too. A
/// fault inside a kernel kills it for the whole process, so the first such failure is kept and
/// thrown again by every later call.
///
/// *Threads.* Usable from any thread.
final class CudaContext {
    /// The context that a thread has; a context opened later never has the same number.
    private static final ThreadLocal<long[]> CURRENT = ThreadLocal.withInitial(() -> new long[1]);

    private static final String REMEDY_FOR_LOSS =
            "end the process; compute-sanitizer finds the kernel";

    private static final AtomicLong SERIALS = new AtomicLong();

    private final CudaDriver driver;
    private final int ordinal;
    private final long handle;
    private final long serial = SERIALS.incrementAndGet();
    private final Deque<Long> events = new ArrayDeque<>();
    private volatile @Nullable HalException lost;

    CudaContext(CudaDriver driver, int ordinal) {
        this.driver = driver;
        this.ordinal = ordinal;
        long retained;
        try {
            driver.init();
            retained = driver.retainPrimaryContext(ordinal);
        } catch (CudaDriverException failed) {
            throw failure("open", failed);
        }
        this.handle = retained;
    }

    /// {@return the id of the device}
    String device() {
        return "cuda:" + ordinal;
    }

    /// {@return the driver, with this context current on the calling thread}
    ///
    /// @throws DeviceLostException if the device is lost
    CudaDriver enter(String operation) {
        if (lost != null) {
            throw lostBefore(operation);
        }
        Thread thread = Thread.currentThread();
        if (thread.isVirtual()) {
            // It may have moved to a carrier that has another context.
            driver.setCurrent(handle);
            return driver;
        }
        long[] current = CURRENT.get();
        if (current[0] != serial) {
            driver.setCurrent(handle);
            current[0] = serial;
        }
        return driver;
    }

    /// {@return what `call` returns}
    ///
    /// @throws HalException if the driver fails
    <T> T ask(String operation, Function<CudaDriver, T> call) {
        try {
            return call.apply(enter(operation));
        } catch (CudaDriverException failed) {
            throw failure(operation, failed);
        }
    }

    /// Does what `call` does.
    ///
    /// @throws HalException if the driver fails
    void run(String operation, Consumer<CudaDriver> call) {
        try {
            call.accept(enter(operation));
        } catch (CudaDriverException failed) {
            throw failure(operation, failed);
        }
    }

    /// Does what `call` does, as far as it still can: what fails while memory is given back has
    /// been reported before, or is about to be by somebody who waits for a result.
    void release(Consumer<CudaDriver> call) {
        if (lost == null) {
            try {
                call.accept(enter("release"));
            } catch (CudaDriverException failed) {
                remember("release", failed);
            }
        }
    }

    /// {@return an event that nobody else uses}
    long takeEvent() {
        synchronized (events) {
            Long pooled = events.poll();
            if (pooled != null) {
                return pooled;
            }
        }
        return ask("create event", CudaDriver::createEvent);
    }

    /// Takes an event back.
    void giveEvent(long event) {
        synchronized (events) {
            events.push(event);
        }
    }

    /// {@return whether the device is lost}
    boolean isLost() {
        return lost != null;
    }

    /// {@return the failure that a return code means}
    HalException failure(String operation, CudaDriverException failed) {
        CudaResult result = failed.result();
        if (result.losesDevice()) {
            remember(operation, failed);
            return lostBefore(operation);
        }
        return switch (result) {
            case OUT_OF_MEMORY ->
                    new OutOfDeviceMemoryException(
                            describe(
                                    operation,
                                    failed,
                                    "the device has no memory left",
                                    "close arenas, or plan with smaller bounds"),
                            failed);
            case LAUNCH_OUT_OF_RESOURCES ->
                    new ResourceExhaustedException(
                            describe(
                                    operation,
                                    failed,
                                    "the kernel needs more registers or shared memory than there"
                                            + " is",
                                    "this is a defect of the backend; report it with the name of"
                                            + " the GPU"),
                            failed);
            case DEVICE_UNAVAILABLE ->
                    new ResourceExhaustedException(
                            describe(
                                    operation,
                                    failed,
                                    "another process has the device for itself",
                                    "wait for it, or set the compute mode with nvidia-smi -c"
                                            + " DEFAULT"),
                            failed);
            case INVALID_DEVICE, NO_DEVICE ->
                    new ResourceExhaustedException(
                            describe(
                                    operation,
                                    failed,
                                    "there is no such device",
                                    "check nvidia-smi and CUDA_VISIBLE_DEVICES"),
                            failed);
            default ->
                    new DeviceExecutionException(
                            describe(
                                    operation,
                                    failed,
                                    failed.function() + " failed",
                                    "this is a defect of the backend unless the driver is being"
                                            + " updated; run with CUDA_LAUNCH_BLOCKING=1 to find"
                                            + " the kernel"),
                            failed);
        };
    }

    private synchronized void remember(String operation, CudaDriverException failed) {
        if (lost == null && failed.result().losesDevice()) {
            lost =
                    new DeviceLostException(
                            describe(
                                    operation,
                                    failed,
                                    failed.result() == CudaResult.CONTEXT_IS_DESTROYED
                                            ? "somebody else in this process destroyed the primary"
                                                    + " context, and the device is lost"
                                            : "a kernel failed, and the device is lost to this"
                                                    + " process",
                                    REMEDY_FOR_LOSS),
                            failed);
        }
    }

    private HalException lostBefore(String operation) {
        HalException first = lost;
        if (first == null) {
            throw new IllegalStateException(device() + " is not lost");
        }
        return new DeviceLostException(
                new Failure(
                        device(),
                        operation,
                        "the device is lost since: " + first.getMessage(),
                        first.failure().nativeCode(),
                        first.failure().nativeText(),
                        REMEDY_FOR_LOSS),
                first);
    }

    private Failure describe(
            String operation, CudaDriverException failed, String detail, String remedy) {
        return new Failure(
                device(),
                operation,
                detail + " in " + failed.function(),
                CudaResult.describe(failed.code()),
                failed.text(),
                remedy);
    }

    /// Gives the context back; the driver destroys it when nobody else has it.
    void close() {
        release(
                using -> {
                    synchronized (events) {
                        events.forEach(using::destroyEvent);
                        events.clear();
                    }
                });
        try {
            driver.releasePrimaryContext(ordinal);
        } catch (CudaDriverException failed) {
            remember("close", failed);
        }
    }
}

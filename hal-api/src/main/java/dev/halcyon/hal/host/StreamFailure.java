package dev.halcyon.hal.host;

import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;

import org.jspecify.annotations.Nullable;

/// What has gone wrong on a stream: the bad indices that kernels met, and the first failure, which
/// is final.
///
/// Usable from any thread, for other streams wait on this one.
final class StreamFailure implements FaultSink {
    private final HostDevice device;
    private final String stream;
    private volatile @Nullable HalException first;
    private volatile long faults;
    private String firstFault = "";

    StreamFailure(HostDevice device, String label) {
        this.device = device;
        this.stream = " on stream \"" + label + "\"";
    }

    @Override
    public synchronized void report(String operand, long position, long index, long bound) {
        if (faults == 0) {
            firstFault =
                    operand + "[" + position + "] is " + index + ", outside 0 to " + (bound - 1);
        }
        faults = faults + 1;
        device.counts().faults(1);
    }

    /// {@return the bad indices that no wait has turned into a failure yet, in words; empty if
    /// there are none}
    synchronized String pendingFaults() {
        return first == null && faults > 0 ? describeFaults() : "";
    }

    private String describeFaults() {
        return faults == 1
                ? "bad index: " + firstFault
                : faults + " bad indices, the first: " + firstFault;
    }

    /// Throws the failure if there is one, leaving new faults for the next wait.
    void throwIfFailed(String operation) {
        HalException cause = first;
        if (cause != null) {
            throw failedBefore(operation, cause);
        }
    }

    /// Turns faults into the stream's failure, and throws the failure if there is one.
    void throwIfFailedOrFaulty(String operation) {
        throwIfFailed(operation);
        if (faults > 0) {
            throw fault(operation);
        }
    }

    private synchronized HalException fault(String operation) {
        HalException cause = first;
        if (cause != null) {
            return failedBefore(operation, cause);
        }
        HalException fault =
                new DeviceExecutionException(
                        Failure.of(
                                device.description().id(),
                                operation + stream,
                                describeFaults(),
                                "the rows concerned were skipped; correct the index tensor and open"
                                        + " another stream"));
        first = fault;
        return fault;
    }

    private HalException failedBefore(String operation, HalException cause) {
        return new DeviceExecutionException(
                Failure.of(
                        device.description().id(),
                        operation + stream,
                        "the stream has failed before: " + cause.getMessage(),
                        "open another stream"),
                cause);
    }

    /// {@return the failure that `cause` makes of the stream, to be thrown}
    synchronized HalException fail(String operation, Throwable cause) {
        HalException failure =
                new DeviceExecutionException(
                        Failure.of(
                                device.description().id(),
                                operation + stream,
                                "the kernel threw " + cause,
                                "this is a defect of the backend unless memory was closed under it;"
                                        + " open another stream"),
                        cause);
        first = failure;
        return failure;
    }
}

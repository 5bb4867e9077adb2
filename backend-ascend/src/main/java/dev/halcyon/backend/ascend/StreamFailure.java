package dev.halcyon.backend.ascend;

import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;

import org.jspecify.annotations.Nullable;

/// What has gone wrong on a stream: bad indices that operators met, and the first failure, which is
/// final.
///
/// Usable from any thread, for other streams wait on this one.
final class StreamFailure {
    private final String device;
    private final String stream;
    private final OperationRing ring;
    private final Runnable countFault;
    private volatile @Nullable HalException first;
    private volatile long faults;

    /// @param countFault is run once for each bad index
    StreamFailure(String device, String label, OperationRing ring, Runnable countFault) {
        this.device = device;
        this.stream = " on stream \"" + label + "\"";
        this.ring = ring;
        this.countFault = countFault;
    }

    /// {@return the last operations, for messages}
    String trail() {
        String last = ring.toString();
        return last.isEmpty() ? "" : "last on the stream: " + last;
    }

    synchronized void addFaults(int count) {
        faults += count;
        for (int i = 0; i < count; i++) {
            countFault.run();
        }
    }

    /// {@return bad indices that no wait has turned into a failure yet}
    long pendingFaults() {
        return first == null ? faults : 0;
    }

    /// Makes `cause` the stream's failure, if it has none.
    ///
    /// @return the failure
    synchronized HalException fail(HalException cause) {
        HalException failed = first;
        if (failed == null) {
            first = cause;
            return cause;
        }
        return failed;
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
                                device,
                                operation + stream,
                                faults
                                        + (faults == 1 ? " bad index" : " bad indices")
                                        + " outside its pool; "
                                        + trail(),
                                "the rows concerned were skipped; correct the index tensor and"
                                        + " open another stream"));
        first = fault;
        return fault;
    }

    private HalException failedBefore(String operation, HalException cause) {
        Failure again =
                Failure.of(
                        device,
                        operation + stream,
                        "the stream has failed before: " + cause.getMessage(),
                        "open another stream");
        return cause instanceof DeviceLostException
                ? new DeviceLostException(again, cause)
                : new DeviceExecutionException(again, cause);
    }
}

package dev.halcyon.backend.cuda;

import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;

import org.jspecify.annotations.Nullable;

/// What has gone wrong on a stream: the first failure, which is final, or bad indices that nobody
/// has waited for yet.
///
/// *Threads.* Usable from any thread, for other streams wait on this one.
final class StreamFailure {
    private final CudaDevice device;
    private final String stream;
    private @Nullable FaultRecord faults;
    private volatile @Nullable HalException first;

    StreamFailure(CudaDevice device, String label, FaultRecord faults) {
        this.device = device;
        this.stream = " on stream \"" + label + "\"";
        this.faults = faults;
    }

    /// Throws the failure if there is one.
    void throwIfFailed(String operation) {
        HalException cause = first;
        if (cause != null) {
            throw failedBefore(operation, cause);
        }
    }

    /// Turns the bad indices that the host knows of into the stream's failure, and throws the
    /// failure if there is one.
    synchronized void throwIfFailedOrFaulty(String operation) {
        throwIfFailed(operation);
        FaultRecord record = faults;
        if (record != null && record.count() > 0) {
            throw fault(operation, record);
        }
    }

    private HalException fault(String operation, FaultRecord record) {
        device.counts().faults(record.count());
        return fail(
                new DeviceExecutionException(
                        Failure.of(
                                device.description().id(),
                                operation + stream,
                                record.describe(),
                                "the rows concerned were skipped; correct the index tensor and open"
                                        + " another stream")));
    }

    /// Looks at the record for the last time.
    ///
    /// @return the bad indices that nobody has waited for, in words; empty if there are none
    synchronized String close() {
        FaultRecord record = faults;
        faults = null;
        return record != null && record.count() > 0 && first == null
                ? fault("close", record).failure().detail()
                : "";
    }

    private HalException failedBefore(String operation, HalException cause) {
        boolean lost = cause instanceof DeviceLostException;
        Failure failure =
                Failure.of(
                        device.description().id(),
                        operation + stream,
                        "the stream has failed before: " + cause.getMessage(),
                        lost ? "end the process" : "open another stream");
        return lost
                ? new DeviceLostException(failure, cause)
                : new DeviceExecutionException(failure, cause);
    }

    /// {@return the failure, which from now on is the stream's unless there was an earlier one}
    synchronized HalException fail(HalException failure) {
        if (first == null) {
            first = failure;
        }
        return failure;
    }
}

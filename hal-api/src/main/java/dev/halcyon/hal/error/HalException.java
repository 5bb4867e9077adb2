package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// A device, driver or environment failure, as opposed to a mistake of the caller.
///
/// [OutOfDeviceMemoryException], [ResourceExhaustedException] and [StaleGraphException] leave the
/// device usable; [DeviceLostException] is final.
public abstract sealed class HalException extends RuntimeException
        permits BackendUnavailableException,
                UnsupportedKernelException,
                OutOfDeviceMemoryException,
                ResourceExhaustedException,
                DeviceExecutionException,
                DeviceLostException,
                StaleGraphException {
    private static final long serialVersionUID = 1L;

    private final transient Failure failure;

    HalException(Failure failure, @Nullable Throwable cause) {
        super(failure.message(), cause);
        this.failure = failure;
    }

    /// {@return the facts behind the message}
    public Failure failure() {
        return failure;
    }
}

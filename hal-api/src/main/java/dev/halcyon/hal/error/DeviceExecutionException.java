package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// Work on a stream failed, or a kernel met an index outside its pool; the stream accepts nothing
/// more, other streams go on.
public final class DeviceExecutionException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public DeviceExecutionException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public DeviceExecutionException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

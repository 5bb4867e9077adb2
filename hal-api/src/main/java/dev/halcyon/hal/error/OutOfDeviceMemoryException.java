package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// The device has no piece of memory of the wanted size; it stays usable.
public final class OutOfDeviceMemoryException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public OutOfDeviceMemoryException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public OutOfDeviceMemoryException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

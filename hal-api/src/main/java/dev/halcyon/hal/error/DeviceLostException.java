package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// The device is gone for good: every later call on it throws this again, with the first cause.
public final class DeviceLostException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public DeviceLostException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public DeviceLostException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// A backend or device that was asked for by name is not there; the message carries the whole
/// discovery.
public final class BackendUnavailableException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public BackendUnavailableException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public BackendUnavailableException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// A graph was replayed although an arena it captured is closed or was reset; the device stays
/// usable.
public final class StaleGraphException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public StaleGraphException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public StaleGraphException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

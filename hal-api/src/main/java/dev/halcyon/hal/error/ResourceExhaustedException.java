package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// A countable resource other than memory ran out, such as streams or graph slots; the device stays
/// usable.
public final class ResourceExhaustedException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public ResourceExhaustedException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public ResourceExhaustedException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

package dev.halcyon.hal.error;

import org.jspecify.annotations.Nullable;

/// The device has no implementation for a spec; the message says why and what would work.
public final class UnsupportedKernelException extends HalException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception from the facts.
    public UnsupportedKernelException(Failure failure) {
        this(failure, null);
    }

    /// Makes the exception from the facts and what caused it.
    public UnsupportedKernelException(Failure failure, @Nullable Throwable cause) {
        super(failure, cause);
    }
}

package dev.halcyon.backend.ascend.operators;

import dev.halcyon.hal.Support;

/// Ends a composition that cannot be: an operator is missing, or an argument is beyond one's
/// limits.
public final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Support.Declined declined;

    /// Makes the refusal.
    public Refusal(Support.Reason reason, String detail, String whatWouldWork) {
        super(detail);
        this.declined = new Support.Declined(reason, detail, whatWouldWork);
    }

    /// {@return the answer that `supports` gives}
    public Support.Declined declined() {
        return declined;
    }
}

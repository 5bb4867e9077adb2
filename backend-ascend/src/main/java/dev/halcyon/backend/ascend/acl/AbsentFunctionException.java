package dev.halcyon.backend.ascend.acl;

/// A function was called that the installed CANN does not have.
///
/// Whoever plans asks first whether it is there; this is for what nothing works without.
public final class AbsentFunctionException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// Makes the exception.
    ///
    /// @param function its name
    /// @param where the libraries that were searched
    /// @param since the version that has it
    public AbsentFunctionException(String function, String where, Since since) {
        super(where + " has no function " + function + "; it needs " + since.words());
    }
}

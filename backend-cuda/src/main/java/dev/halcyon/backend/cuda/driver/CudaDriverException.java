package dev.halcyon.backend.cuda.driver;

/// A driver function returned something else than 0; the backend turns it into a failure of the
/// HAL.
public final class CudaDriverException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String function;
    private final int code;
    private final String text;

    private CudaDriverException(String function, int code, String text, String message) {
        super(message);
        this.function = function;
        this.code = code;
        this.text = text;
    }

    /// {@return the failure of a library on top of the driver, whose status is no code of the
    /// driver's and is kept as a negative one}
    ///
    /// @param name what the library calls the status
    public static CudaDriverException ofLibrary(String function, int status, String name) {
        return new CudaDriverException(
                function, -status, name, function + " returned status " + status + " " + name);
    }

    /// Makes the exception.
    ///
    /// @param function the driver function
    /// @param code its `CUresult`
    /// @param text what the driver says about the code; empty if nothing
    public CudaDriverException(String function, int code, String text) {
        super(function + " returned " + CudaResult.describe(code));
        this.function = function;
        this.code = code;
        this.text = text;
    }

    /// {@return the same failure with other words of the driver}
    CudaDriverException withText(String other) {
        return new CudaDriverException(function, code, other);
    }

    /// {@return the driver function}
    public String function() {
        return function;
    }

    /// {@return its return code}
    public int code() {
        return code;
    }

    /// {@return what the code means to the backend}
    public CudaResult result() {
        return CudaResult.of(code);
    }

    /// {@return what the driver says about the code; empty if nothing}
    public String text() {
        return text;
    }
}

package dev.halcyon.backend.cpu.nativecode;

/// What to do with the `Throwable` that method handles declare.
final class Downcall {
    private Downcall() {}

    /// {@return never: throws what an invocation threw}
    static AssertionError failure(Throwable failed) {
        if (failed instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (failed instanceof Error error) {
            throw error;
        }
        throw new AssertionError("downcalls declare no checked exception", failed);
    }
}

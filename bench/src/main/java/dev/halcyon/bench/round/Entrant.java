package dev.halcyon.bench.round;

/// Somebody who runs a problem: the device under test, or a peer in a process of its own.
///
/// Between [#park] and [#resume] it uses no processor.
public interface Entrant {
    /// {@return what to call it}
    String name();

    /// {@return the seconds that each of so many runs took, one after the other}
    ///
    /// @throws EntrantFailure if it cannot go on
    double[] run(int times);

    /// {@return the process that does its work}
    default ProcessHandle process() {
        return ProcessHandle.current();
    }

    /// Lets it use the processors again.
    default void resume() {}

    /// Takes the processors away from it.
    default void park() {}

    /// Says that an entrant is out, and why; the others go on.
    final class EntrantFailure extends RuntimeException {
        private static final long serialVersionUID = 1;

        /// @param message what went wrong, in a form that a reader of the report understands
        public EntrantFailure(String message) {
            super(message);
        }
    }
}

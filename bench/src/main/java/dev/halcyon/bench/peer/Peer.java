package dev.halcyon.bench.peer;

import dev.halcyon.bench.problem.Problem;

/// A library as a [PeerServer] drives it, in the peer's own process, on one thread.
public interface Peer {
    /// {@return the library's version, for the report}
    String version();

    /// {@return a problem's operands, made from its seeds, in the form that the library is fastest
    /// with}
    ///
    /// @param copies copies of what is read
    /// @throws DeclinedException if the library has no such operation
    Prepared prepare(Problem problem, int copies);

    /// A problem that is ready to run.
    interface Prepared extends AutoCloseable {
        /// Runs once, on the copy whose turn it is, and returns when the result is there.
        void run(int turn);

        /// {@return elements of the result of copy 0, run once more}
        double[] sample(long[] positions);

        /// Gives the operands up.
        @Override
        void close();
    }

    /// Says that a library has no such operation.
    final class DeclinedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        /// @param reason why
        public DeclinedException(String reason) {
            super(reason);
        }
    }
}

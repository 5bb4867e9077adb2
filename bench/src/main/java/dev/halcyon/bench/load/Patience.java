package dev.halcyon.bench.load;

import java.time.Duration;

/// Waits for others to leave the machine alone, and not for ever: on a machine that is never quiet
/// a run takes a little longer and marks its rows, rather than never ending.
public final class Patience {
    private final ForeignLoad load;
    private final Duration most;
    private Duration left;

    /// @param load tells what others do
    /// @param most the longest that a single wait lasts
    /// @param total the longest that all waits last together
    public Patience(ForeignLoad load, Duration most, Duration total) {
        this.load = load;
        this.most = most;
        this.left = total;
    }

    /// Waits until others leave the machine alone, or as long as there is patience left.
    ///
    /// @return whether they do
    public boolean awaitQuiet() {
        long start = System.nanoTime();
        boolean quiet = load.awaitQuiet(most.compareTo(left) < 0 ? most : left);
        Duration waited = Duration.ofNanos(System.nanoTime() - start);
        left = waited.compareTo(left) < 0 ? left.minus(waited) : Duration.ZERO;
        return quiet;
    }
}

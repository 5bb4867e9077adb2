package dev.halcyon.bench.peer;

import dev.halcyon.bench.data.Errors;

/// Whether a peer computed the same.
final class Agreement {
    /// Both round, each in its own way.
    static final double ALLOWED = 2;

    private Agreement() {}

    /// {@return the largest difference, relative to the largest of our magnitudes; not a number if
    /// the counts differ}
    static double error(double[] ours, double[] theirs) {
        if (ours.length != theirs.length) {
            return Double.NaN;
        }
        Errors errors = new Errors();
        errors.compare(ours, 0, theirs, 0, ours.length);
        return errors.relative();
    }
}

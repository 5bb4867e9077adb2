package dev.halcyon.bench.run;

import java.util.OptionalDouble;

/// One line of the report: what ran, how long it took, what it is worth, and whether it was right.
///
/// @param work what ran, with its sizes
/// @param implementation which implementation the device took
/// @param seconds median time, NaN where nothing was timed
/// @param flops floating-point operations of one run
/// @param bytes least bytes of one run
/// @param error largest error against the oracle, relative to the largest magnitude
/// @param tolerance the most that may be
/// @param note what was checked, and anything a reader should know
public record Row(
        String work,
        String implementation,
        double seconds,
        double flops,
        double bytes,
        double error,
        double tolerance,
        String note) {
    /// {@return whether the result is right; an error that is not a number is not}
    public boolean passed() {
        return error <= tolerance;
    }

    /// {@return the row without a time, where the time says nothing about a device}
    public Row untimed() {
        return new Row(work, implementation, Double.NaN, flops, bytes, error, tolerance, note);
    }

    /// {@return a row that compares for equality and times nothing}
    static Row exact(
            String work, String implementation, double seconds, boolean equal, String note) {
        return new Row(work, implementation, seconds, 0, 0, equal ? 0 : 1, 0, note);
    }

    /// {@return the floor of the time over the time, empty where there is none}
    public OptionalDouble share(double floorSeconds) {
        return flops > 0 && seconds > 0
                ? OptionalDouble.of(floorSeconds / seconds)
                : OptionalDouble.empty();
    }
}

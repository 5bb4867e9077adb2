package dev.halcyon.bench.suite;

/// How far samples of a result are from what they should be.
///
/// @param error largest error, relative to the largest magnitude; not a number if a value was not
///   one
/// @param tolerance the most that may be
/// @param how what was compared with what
public record Accuracy(double error, double tolerance, String how) {
    /// {@return whether the result counts; an error that is not a number does not}
    public boolean isGood() {
        return error <= tolerance;
    }
}

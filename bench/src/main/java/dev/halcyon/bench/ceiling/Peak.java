package dev.halcyon.bench.ceiling;

/// The most operations a second of one element type.
///
/// @param flops operations a second, a multiply-add counting as two
/// @param how which loop reached it
public record Peak(double flops, String how) {
    /// {@return the higher of two}
    public Peak max(Peak other) {
        return other.flops > flops ? other : this;
    }
}

package dev.halcyon.backend.cpu.kernels;

/// The first of two roundings that together are as good as one.
///
/// Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms
/// using rounding to odd".
final class RoundToOdd {
    private RoundToOdd() {}

    /// {@return the float that is `value`, or else the one of its two neighbours with an odd last
    /// bit}
    static float toFloat(double value) {
        float nearest = (float) value;
        if (nearest == value
                || Double.isNaN(value)
                || (Float.floatToRawIntBits(nearest) & 1) != 0) {
            return nearest;
        }
        // The nearest is even, so the neighbour on the other side of the value is odd.
        return nearest > value ? Math.nextDown(nearest) : Math.nextUp(nearest);
    }
}

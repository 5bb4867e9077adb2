package dev.halcyon.hal.kernel;

/// The least a kernel must do: floating-point operations and bytes moved to and from memory.
///
/// A multiply-add counts as two operations; every operand counts once, however often a kernel reads
/// it. Rooflines, benchmarks and JFR events all come from here.
///
/// @param flops floating-point operations
/// @param bytes bytes read and written
public record Cost(double flops, double bytes) {
    /// No work at all.
    public static final Cost ZERO = new Cost(0, 0);

    public Cost {
        if (!(flops >= 0) || !(bytes >= 0)) {
            throw new IllegalArgumentException(
                    "a cost is not negative: " + flops + " FLOPs, " + bytes + " bytes");
        }
    }

    /// {@return the sum of both}
    public Cost plus(Cost other) {
        return new Cost(flops + other.flops, bytes + other.bytes);
    }
}

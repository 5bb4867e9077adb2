package dev.halcyon.hal.kernel.optimizer;

import java.util.List;

/// One step.
public record Coefficients(double a, double b, double c) {
    /// KJ.
    public static final List<Coefficients> KELLER_JORDAN = List.of();

    /// V4.
    public static final List<Coefficients> DEEPSEEK_V4 = List.of();

    /// PE.
    public static final List<Coefficients> POLAR_EXPRESS = List.of();
}

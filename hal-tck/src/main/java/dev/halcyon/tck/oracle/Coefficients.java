package dev.halcyon.tck.oracle;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// The coefficients of one Newton-Schulz step, `X <- a X + (b A + c A²) X` with `A = X Xᵀ`.
///
/// @param a factor of X
/// @param b factor of A
/// @param c factor of A²
public record Coefficients(double a, double b, double c) {
    /// The quintic of Keller Jordan's Muon.
    public static final Coefficients KELLER_JORDAN = new Coefficients(3.4445, -4.7750, 2.0315);

    /// The step with fixed point 1 and zero slope there that ends DeepSeek-V4's list.
    public static final Coefficients CONVERGING = new Coefficients(2, -1.5, 0.5);

    /// `steps` times the same step.
    public static List<Coefficients> repeated(Coefficients step, int steps) {
        return Collections.nCopies(steps, step);
    }

    /// DeepSeek-V4's ten steps: eight of Keller Jordan's, then two converging ones.
    public static List<Coefficients> deepSeekV4() {
        List<Coefficients> steps = new ArrayList<>(repeated(KELLER_JORDAN, 8));
        steps.addAll(repeated(CONVERGING, 2));
        return List.copyOf(steps);
    }

    /// What a step makes of a singular value: `a σ + b σ³ + c σ⁵`.
    public double map(double sigma) {
        double square = sigma * sigma;
        return sigma * (a + square * (b + square * c));
    }
}

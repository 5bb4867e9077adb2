package dev.halcyon.tck.oracle;

/// The scaled sum of two tensors, `alpha x + beta y`.
public final class Axpby {
    private Axpby() {}

    /// `alpha x[i] + beta y[i]`; with `beta = 0` y is not read, with `alpha = 0` x is not.
    public static double[] apply(double alpha, double[] x, double beta, double[] y) {
        Shapes.require("y", y.length, x.length);
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double ax = alpha == 0 ? 0 : alpha * x[i];
            out[i] = beta == 0 ? ax : ax + beta * y[i];
        }
        return out;
    }
}

package dev.halcyon.tck.oracle;

/// The scaled sum of two tensors, `alpha x + beta y`.
public final class Axpby {
    private Axpby() {}

    /// `alpha x[i] + beta y[i]`; a factor of zero does not hide a NaN or an infinity of its tensor.
    public static double[] apply(double alpha, double[] x, double beta, double[] y) {
        Shapes.require("y", y.length, x.length);
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = alpha * x[i] + beta * y[i];
        }
        return out;
    }
}

package dev.halcyon.tck.oracle;

/// Cutting columns out of row-major arrays and putting them together.
final class Columns {
    private Columns() {}

    /// Columns `first` to `first + count - 1` of every row of `width` values, as a dense array.
    static double[] slice(double[] data, int width, int first, int count) {
        int rows = Shapes.quotient("rows", data.length, width);
        double[] out = new double[rows * count];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(data, row * width + first, out, row * count, count);
        }
        return out;
    }

    /// The rows of two arrays side by side: `aWidth` values of `a`, then `bWidth` values of `b`.
    static double[] joined(double[] a, int aWidth, double[] b, int bWidth) {
        int rows = Shapes.quotient("rows", a.length, aWidth);
        Shapes.require("rows", b.length, rows, bWidth);
        double[] out = new double[rows * (aWidth + bWidth)];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(a, row * aWidth, out, row * (aWidth + bWidth), aWidth);
            System.arraycopy(b, row * bWidth, out, row * (aWidth + bWidth) + aWidth, bWidth);
        }
        return out;
    }
}

package dev.halcyon.tck.oracle;

/// Cutting columns out of a row-major array.
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
}

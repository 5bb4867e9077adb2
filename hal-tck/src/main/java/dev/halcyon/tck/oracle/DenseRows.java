package dev.halcyon.tck.oracle;

/// Rows of a row-major array.
// Records of this package hold plain arrays on purpose and are never compared.
@SuppressWarnings("ArrayRecordComponent")
record DenseRows(double[] data, int rows, int columns) implements Rows {
    DenseRows {
        Shapes.require("matrix", data.length, rows, columns);
    }

    @Override
    public void read(int row, double[] into) {
        System.arraycopy(data, row * columns, into, 0, columns);
    }
}

package dev.halcyon.tck.oracle;

/// Consecutive rows of another matrix.
record RowSlice(Rows whole, int first, int rows) implements Rows {
    RowSlice {
        if (first < 0 || rows < 0 || first > whole.rows() - rows) {
            throw new IllegalArgumentException(
                    "rows "
                            + first
                            + " to "
                            + (first + rows)
                            + " are not inside a matrix of "
                            + whole.rows()
                            + " rows");
        }
    }

    @Override
    public int columns() {
        return whole.columns();
    }

    @Override
    public void read(int row, double[] into) {
        whole.read(first + row, into);
    }
}

package dev.halcyon.tck.oracle;

/// A matrix that is read one row at a time: a weight, or the cached rows of a sequence.
///
/// The oracle asks for rows instead of arrays so that a weight of real size can stay in its file,
/// or a million cached tokens in their pages, and only the rows that are looked at become doubles.
public interface Rows {
    /// Number of rows.
    int rows();

    /// Number of columns.
    int columns();

    /// Writes row `row` to the first `columns()` places of `into`.
    void read(int row, double[] into);

    /// A view of a row-major array.
    ///
    /// @throws IllegalArgumentException if the array does not have `rows * columns` elements
    static Rows of(double[] data, int rows, int columns) {
        return new DenseRows(data, rows, columns);
    }

    /// The rows `first` to `first + count - 1`.
    default Rows slice(int first, int count) {
        return new RowSlice(this, first, count);
    }

    /// All values, row-major.
    default double[] toArray() {
        double[] all = new double[Math.multiplyExact(rows(), columns())];
        double[] row = new double[columns()];
        for (int r = 0; r < rows(); r++) {
            read(r, row);
            System.arraycopy(row, 0, all, r * columns(), columns());
        }
        return all;
    }
}

package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// The cached rows of one sequence, in token order and without pages.
///
/// A row is the normalised latent followed by the rotated rope key. Not for use from several
/// threads.
public final class LatentCache implements Rows {
    private final int columns;
    private double[] data = new double[0];
    private int rows;

    /// An empty cache of rows with `columns` values.
    public LatentCache(int columns) {
        this.columns = columns;
    }

    /// Adds rows at the end.
    ///
    /// @param newRows `[count, columns]`
    /// @throws IllegalArgumentException if the length is not a number of rows
    public void append(double[] newRows) {
        int count = Shapes.quotient("rows", newRows.length, columns);
        data = Arrays.copyOf(data, Math.max(data.length, (rows + count) * columns));
        System.arraycopy(newRows, 0, data, rows * columns, newRows.length);
        rows += count;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    @Override
    public void read(int row, double[] into) {
        System.arraycopy(data, row * columns, into, 0, columns);
    }
}

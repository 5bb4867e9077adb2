package dev.halcyon.tck.oracle;

/// The lookup of table rows by index: token embedding and general row gather.
public final class Embedding {
    private Embedding() {}

    /// `out[i] = table[ids[i]]`; an id outside the table, -1 among them, gives a row of zeros.
    ///
    /// @return `[ids.length, table.columns()]`
    public static double[] gather(int[] ids, Rows table) {
        int width = table.columns();
        double[] out = new double[ids.length * width];
        double[] row = new double[width];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] >= 0 && ids[i] < table.rows()) {
                table.read(ids[i], row);
                System.arraycopy(row, 0, out, i * width, width);
            }
        }
        return out;
    }

    /// The gradient with respect to the table: rows of `dy` added up by id, in index order.
    ///
    /// @return `[rows, width]`
    public static double[] scatter(int[] ids, double[] dy, int rows, int width) {
        Shapes.require("dy", dy.length, ids.length, width);
        double[] dTable = new double[rows * width];
        for (int i = 0; i < ids.length; i++) {
            for (int c = 0; ids[i] >= 0 && c < width; c++) {
                dTable[ids[i] * width + c] += dy[i * width + c];
            }
        }
        return dTable;
    }
}

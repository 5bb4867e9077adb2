package dev.halcyon.tck.oracle;

/// The general matrix product, `C = alpha A B + beta C`, batched and with any strides.
///
/// Source: the BLAS level 3 definition of `GEMM`, including the rule that `beta = 0` means that C
/// is not read, so that NaN in an uninitialised C does not survive.
public final class Gemm {
    private Gemm() {}

    /// A strided view of a batch of matrices; a transpose is the same view with the two strides
    /// exchanged.
    ///
    /// @param data the elements
    /// @param offset index of element (0, 0) of matrix 0
    /// @param rowStride distance between rows
    /// @param columnStride distance between columns
    /// @param batchStride distance between matrices; 0 shares one matrix
    @SuppressWarnings("ArrayRecordComponent")
    public record Matrix(
            double[] data, int offset, int rowStride, int columnStride, int batchStride) {
        /// A dense row-major batch of matrices with `rows` rows and `columns` columns.
        public static Matrix rowMajor(double[] data, int rows, int columns) {
            return new Matrix(data, 0, columns, 1, rows * columns);
        }

        /// The same elements with rows and columns exchanged.
        public Matrix transposed() {
            return new Matrix(data, offset, columnStride, rowStride, batchStride);
        }

        int index(int batch, int row, int column) {
            return offset + batch * batchStride + row * rowStride + column * columnStride;
        }

        double at(int batch, int row, int column) {
            return data[index(batch, row, column)];
        }
    }

    /// Writes every element of C.
    ///
    /// @param a `batch` matrices of `m x k`
    /// @param b `batch` matrices of `k x n`
    /// @param c `batch` matrices of `m x n`, read only where `beta` is not zero
    public static void run(
            int batch,
            int m,
            int n,
            int k,
            double alpha,
            Matrix a,
            Matrix b,
            double beta,
            Matrix c) {
        for (int g = 0; g < batch; g++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    c.data()[c.index(g, i, j)] = element(g, i, j, k, alpha, a, b, beta, c);
                }
            }
        }
    }

    /// One element of the result, without writing it.
    public static double element(
            int batch,
            int row,
            int column,
            int k,
            double alpha,
            Matrix a,
            Matrix b,
            double beta,
            Matrix c) {
        double sum = 0;
        for (int p = 0; p < k; p++) {
            sum += a.at(batch, row, p) * b.at(batch, p, column);
        }
        return beta == 0 ? alpha * sum : alpha * sum + beta * c.at(batch, row, column);
    }
}

package dev.halcyon.bench.run;

import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Rows;
import java.lang.foreign.MemorySegment;

/// A host-visible matrix as rows of doubles, decoded as they are read.
///
/// @param tensor the matrix, contiguous
/// @param memory its bytes
/// @param rows its number of rows
/// @param columns its number of columns
record TensorRows(Tensor tensor, MemorySegment memory, int rows, int columns) implements Rows {
    static TensorRows of(Tensor tensor) {
        int columns = Math.toIntExact(tensor.dim(-1));
        return new TensorRows(
                tensor, tensor.segment(), Math.toIntExact(tensor.elements() / Math.max(1, columns)), columns);
    }

    @Override
    public void read(int row, double[] into) {
        long first = (long) row * columns;
        for (int c = 0; c < columns; c++) {
            into[c] = HostElements.get(memory, tensor.dtype(), first + c);
        }
    }

    /// {@return one row}
    double[] row(int row) {
        double[] values = new double[columns];
        read(row, values);
        return values;
    }
}

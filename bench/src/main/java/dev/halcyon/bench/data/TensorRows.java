package dev.halcyon.bench.data;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Rows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A matrix in host memory as rows of doubles, decoded as they are read.
///
/// @param dtype element type
/// @param memory its bytes, contiguous
/// @param rows its number of rows
/// @param columns its number of columns
public record TensorRows(DType dtype, MemorySegment memory, int rows, int columns) implements Rows {
    /// {@return the rows of a host-visible tensor, its innermost dimension being the columns}
    public static TensorRows of(Tensor tensor) {
        return of(tensor, tensor.segment());
    }

    /// {@return the rows of a tensor on any device, copied where the host does not see it}
    public static TensorRows of(Stream stream, Tensor tensor) {
        if (tensor.buffer().isHostVisible()) {
            return of(tensor);
        }
        MemorySegment copy = Arena.ofAuto().allocate(Math.max(1, tensor.byteSize()), 64);
        stream.download(copy.asSlice(0, tensor.byteSize()), tensor);
        return of(tensor, copy);
    }

    /// {@return a matrix of [RandomBits] in host memory, which goes with the last reference to it}
    public static TensorRows random(DType dtype, int rows, int columns, long seed, int exponent) {
        MemorySegment memory = Arena.ofAuto().allocate(dtype.bytes((long) rows * columns), 64);
        RandomBits.fill(memory, dtype, seed, exponent);
        return new TensorRows(dtype, memory, rows, columns);
    }

    private static TensorRows of(Tensor tensor, MemorySegment memory) {
        int columns = Math.toIntExact(tensor.dim(-1));
        int rows = Math.toIntExact(tensor.elements() / Math.max(1, columns));
        return new TensorRows(tensor.dtype(), memory, rows, columns);
    }

    @Override
    public void read(int row, double[] into) {
        long first = (long) row * columns;
        for (int c = 0; c < columns; c++) {
            into[c] = HostElements.get(memory, dtype, first + c);
        }
    }

    /// {@return one row}
    public double[] row(int row) {
        double[] values = new double[columns];
        read(row, values);
        return values;
    }

    /// {@return the element at a position in row-major order}
    public double at(long position) {
        return HostElements.get(memory, dtype, position);
    }
}

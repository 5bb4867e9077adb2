package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Rows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A matrix of real size whose every element is a function of its place, so that nobody has to hold
/// it as doubles.
///
/// Elements are whole multiples of `scale / 64` between `-2 scale` and `2 scale`, exact in BF16 for
/// a scale that is a power of two.
///
/// @param seed gives another matrix
/// @param rows number of rows
/// @param columns number of columns
/// @param scale a power of two
record HashedValues(long seed, int rows, int columns, double scale) implements Rows {
    private static final long GAMMA = 0x9E3779B97F4A7C15L;
    private static final int CHUNK_ROWS = 64;

    double at(long row, long column) {
        long z = (seed + row * columns + column) * GAMMA;
        z = (z ^ (z >>> 32)) * 0xD6E8FEB86659FD93L;
        return (z >> 56) * (scale / 64);
    }

    @Override
    public void read(int row, double[] into) {
        for (int column = 0; column < columns; column++) {
            into[column] = at(row, column);
        }
    }

    /// Writes the matrix to a contiguous tensor of F32 or BF16, some rows at a time.
    void write(Stream stream, Tensor tensor) {
        int width = tensor.dtype().bits() / 8;
        for (int from = 0; from < rows; from += CHUNK_ROWS) {
            int to = Math.min(rows, from + CHUNK_ROWS);
            MemorySegment chunk = MemorySegment.ofArray(new byte[(to - from) * columns * width]);
            for (int i = 0; i < (to - from) * columns; i++) {
                float value = (float) at(from + i / columns, i % columns);
                if (tensor.dtype() == DType.BF16) {
                    short bits = (short) (Float.floatToRawIntBits(value) >>> 16);
                    chunk.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, bits);
                } else {
                    chunk.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, value);
                }
            }
            stream.upload(tensor.slice(0, from, to), chunk);
        }
    }
}

package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.memory.DType;

/// Operands made once more in host memory, from their seeds, for the oracle to read.
final class HostMatrix {
    private HostMatrix() {}

    /// {@return a matrix of random bits, released with the last reference to it}
    static TensorRows random(DType dtype, int rows, int columns, long seed, int exponent) {
        return TensorRows.random(dtype, rows, columns, seed, exponent);
    }
}

package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Operands made once more in host memory, from their seeds, for the oracle to read.
final class HostMatrix {
    private HostMatrix() {}

    /// {@return a matrix of [RandomBits], released with the last reference to it}
    static TensorRows random(DType dtype, int rows, int columns, long seed, int exponent) {
        MemorySegment memory = Arena.ofAuto().allocate(dtype.bytes((long) rows * columns), 64);
        RandomBits.fill(memory, dtype, seed, exponent);
        return new TensorRows(dtype, memory, rows, columns);
    }
}

package com.example.abacus;

import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;

/// The elements of a bound matrix, by row and column; rows may lie further apart than their length.
record Beads(MemorySegment memory, DType dtype, long rows, long rowStride, long columnStride) {
    static Beads of(Tensor matrix) {
        return new Beads(
                matrix.segment(),
                matrix.dtype(),
                matrix.dim(0),
                matrix.stride(0),
                matrix.stride(1));
    }

    float get(long row, long column) {
        return (float) HostElements.get(memory, dtype, row * rowStride + column * columnStride);
    }

    void set(long row, long column, float value) {
        HostElements.set(memory, dtype, row * rowStride + column * columnStride, value);
    }
}

package com.example.abacus;

import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;

/// How many rows count: all that were bound, or as many as a tensor says when the kernel runs.
interface LiveRows {
    long count();

    static LiveRows of(long bound, Tensor activeRows) {
        if (activeRows == null) {
            return () -> bound;
        }
        MemorySegment memory = activeRows.segment();
        return () -> Math.clamp((long) HostElements.get(memory, DType.I32, 0), 0, bound);
    }
}

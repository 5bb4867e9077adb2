package dev.halcyon.bench.peers;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Operands of libraries that take addresses.
final class Operands {
    private Operands() {}

    static MemorySegment random(Arena arena, DType dtype, long elements, long seed, int exponent) {
        MemorySegment memory = arena.allocate(dtype.bytes(elements), 64);
        RandomBits.fill(memory, dtype, seed, exponent);
        return memory;
    }

    static double[] at(MemorySegment memory, DType dtype, long[] positions) {
        return Arrays.stream(positions)
                .mapToDouble(position -> HostElements.get(memory, dtype, position))
                .toArray();
    }
}

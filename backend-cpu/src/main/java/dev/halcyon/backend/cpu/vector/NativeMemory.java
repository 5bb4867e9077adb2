package dev.halcyon.backend.cpu.vector;

import java.lang.foreign.MemorySegment;

/// Native memory by address, for the innermost loops over register tiles.
///
/// C2 leaves a bounds check at every read from a segment in such a loop, and the dozens of scalar
/// instructions of a step take slots of the units that multiply: a tile of 12 rows reaches 71% of
/// the peak with the checks and 90% without. So a tile checks its whole range once ([#at]) and then
/// reads [#ALL] by addresses that are cut to [#ADDRESS_BITS], of which C2 sees that they cannot
/// leave it.
///
/// *Lifetime.* An address does not keep its arena open. Kernels need not care: an arena releases
/// memory only once the work submitted before has passed.
final class NativeMemory {
    /// All of it.
    static final MemorySegment ALL = all();

    /// The bits that an address can have.
    static final long ADDRESS_BITS = (1L << 56) - 1;

    private NativeMemory() {}

    @SuppressWarnings("restricted")
    private static MemorySegment all() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    /// {@return the address of a range of a segment}
    ///
    /// @throws IndexOutOfBoundsException if the range is not inside the segment
    /// @throws IllegalArgumentException if the segment is a view of a Java array
    static long at(MemorySegment segment, long offset, long bytes) {
        return dev.halcyon.backend.cpu.nativecode.NativeMemory.address(segment, offset, bytes);
    }
}

package dev.halcyon.backend.cpu.memory;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// Native memory by address, for native functions and for the innermost loops over register tiles.
///
/// Of a native function's arguments a `MemorySegment` would take a hold of its arena with every
/// call, which is an atomic operation on a counter that all threads share. In Java's loops C2
/// leaves a bounds check at every read from a segment, and the dozens of scalar instructions of a
/// step take slots of the units that multiply: a tile of 12 rows reaches 71% of the peak with the
/// checks and 90% without. So both check their whole range once ([#address]) and go on with plain
/// addresses; Java's loops read [#ALL] by addresses that are cut to [#ADDRESS_BITS], of which C2
/// sees that they cannot leave it.
///
/// *Lifetime.* An address does not keep its arena open. Kernels need not care: an arena releases
/// memory only once the work submitted before has passed.
public final class NativeMemory {
    /// All of it.
    public static final MemorySegment ALL = all();

    /// The bits that an address can have.
    public static final long ADDRESS_BITS = (1L << 56) - 1;

    private NativeMemory() {}

    @SuppressWarnings("restricted")
    private static MemorySegment all() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    /// {@return the address of `bytes` bytes from an offset on}
    ///
    /// @throws IndexOutOfBoundsException if they are not all in the segment
    /// @throws IllegalArgumentException if the segment is a view of a Java array
    public static long address(MemorySegment segment, long offset, long bytes) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("kernels read native memory only, not " + segment);
        }
        Objects.checkFromIndexSize(offset, bytes, segment.byteSize());
        return segment.address() + offset;
    }

    /// {@return bytes from the start of the first to the end of the last of some rows}
    public static long extent(long rows, long pitch, long rowBytes) {
        return rows == 0 ? 0 : Math.addExact(Math.multiplyExact(rows - 1, pitch), rowBytes);
    }
}

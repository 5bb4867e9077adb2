package dev.halcyon.backend.cpu.nativecode;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// Addresses for native functions.
///
/// A `MemorySegment` argument would take a hold of its arena with every call, which is an atomic
/// operation on a counter that all threads share. A launch already keeps its arenas alive, so plain
/// addresses are passed, after the check that what is behind them lies in the segment.
public final class NativeMemory {
    private NativeMemory() {}

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

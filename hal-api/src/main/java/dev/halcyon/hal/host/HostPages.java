package dev.halcyon.hal.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// Where a host device takes the memory of large tensors from.
///
/// An FFM arena gives memory in the usual pages of 4 KiB; a backend that can ask the operating
/// system for larger ones reads weights up to half as fast again.
@FunctionalInterface
public interface HostPages {
    /// The usual pages.
    HostPages USUAL = (_, _) -> Optional.empty();

    /// {@return zeroed memory that lives as long as the arena, or empty if there is none of this
    /// kind: the device then takes the usual one}
    ///
    /// It should cost nothing until it is touched: a device asks for more than a tensor needs, and
    /// puts neighbours into the rest.
    ///
    /// @param bytes a multiple of 2 MiB
    Optional<MemorySegment> reserve(Arena arena, long bytes);
}

package dev.halcyon.backend.cpu.loops;

/// Work that a loop over tiles lets happen a little at a time, so that waiting for its memory is
/// hidden behind the tiles' computation.
@FunctionalInterface
public interface Meanwhile {
    /// Nothing.
    Meanwhile NOTHING = products -> {};

    /// Does what is due after so many more products.
    void after(long products);
}

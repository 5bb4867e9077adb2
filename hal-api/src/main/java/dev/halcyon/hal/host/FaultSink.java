package dev.halcyon.hal.host;

/// Where kernels report an index that is outside its pool; the row is skipped and the stream fails
/// at its next await.
///
/// Usable from any thread of a running kernel.
@FunctionalInterface
public interface FaultSink {
    /// Reports a bad index.
    ///
    /// @param operand name of the index operand: `blockTable`
    /// @param position which of its entries
    /// @param index the value found there
    /// @param bound the exclusive upper bound it should respect
    void report(String operand, long position, long index, long bound);
}

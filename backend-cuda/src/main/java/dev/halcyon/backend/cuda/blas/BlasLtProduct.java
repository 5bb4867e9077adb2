package dev.halcyon.backend.cuda.blas;

import java.lang.foreign.MemorySegment;

/// A product prepared by [BlasLt#prepare], to be submitted as often as wanted.
///
/// @param library what runs it
/// @param shape its operands
/// @param how the library's description
/// @param a the library's layout of a
/// @param b its layout of b
/// @param c its layout of the result
/// @param algorithm what it chose; keeps the other objects of the library alive
/// @param alpha factor in host memory
/// @param beta factor in host memory
/// @param workspaceBytes device memory that the algorithm uses
public record BlasLtProduct(
        BlasLt library,
        ProductShape shape,
        long how,
        long a,
        long b,
        long c,
        MemorySegment algorithm,
        MemorySegment alpha,
        MemorySegment beta,
        long workspaceBytes) {
    /// Submits it to a stream of the library's device.
    ///
    /// @param workspace device address of that many bytes
    public void submit(long workspace, long stream) {
        library.submit(this, workspace, stream);
    }
}

package dev.halcyon.backend.cuda.blas;

import java.util.Optional;

/// Prepares products for one device by a library.
public interface ProductPlanner {
    /// {@return the library's file and version}
    String name();

    /// {@return scratch memory that is worth giving to a product}
    long workspaceBytes();

    /// {@return the product; empty if the library does not take its types and strides}
    ///
    /// @param workspaceBytes the most that it may use
    /// @throws dev.halcyon.hal.error.HalException if the library fails
    Optional<BlasLtProduct> prepare(ProductShape shape, long workspaceBytes);
}

package dev.halcyon.backend.cpu.product;

/// A product with its operands: [#size] each group, then [#run]; nothing is allocated then. One
/// thread at a time runs it.
public sealed interface BoundProduct permits MatrixProduct, Bf16Product {
    /// Sets the size of a group; all are empty at first.
    ///
    /// @param groupRows rows; the shape bounds them, and their sum over all groups
    /// @param groupDepth length of the sums, at most the shape's
    void size(int group, int groupRows, int groupDepth);

    /// Computes every result.
    void run();
}

package dev.halcyon.backend.cpu.product;

/// What the two kinds of native products do with a unit of rows.
sealed interface NativeTask permits Bf16Task, CodesTask {
    /// Packs some rows and chunks of a unit.
    ///
    /// @param unitRow the unit's first row in its group
    /// @param firstRow first row to pack, counted from the unit's; a multiple of 32
    /// @param to the packed unit
    void pack(
            int group,
            int unitRow,
            int unitRows,
            int depth,
            int firstRow,
            int endRow,
            int firstChunk,
            int endChunk,
            long to);

    /// Multiplies a packed unit by a block of columns and stores the result.
    ///
    /// @param left the packed unit
    /// @param panel the first panel of the block
    void compute(int group, int unitRow, int rows, int depth, long left, int panel, int worker);
}

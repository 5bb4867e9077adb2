package dev.halcyon.backend.cpu.product;

/// Products of units of rows with blocks of columns of a weight each group has, and the layout that
/// they read their rows in.
///
/// A kernel that fuses several products drives these: it gives every unit a place in the scratch
/// memory, fills it from a matrix or from the results of another product, and computes block after
/// block. What tiles do the arithmetic, and in which type, is the implementation's matter.
interface UnitProduct {
    /// {@return bytes of a unit's rows}
    long unitBytes(int groupRows, int rows, int depth);

    /// Packs elements `from` to `to` along k of rows `firstRow` onwards of the left-hand matrix.
    ///
    /// @param from a multiple of 512, like `to` unless that is `depth`
    void pack(int groupRows, int firstRow, int rows, int depth, int from, int to, long at);

    /// Packs a block of columns of `rows` results.
    ///
    /// @param values `[rows][pitch]`
    /// @param column first column of the block, a multiple of the block's full size
    void packResults(
            int groupRows,
            float[] values,
            int pitch,
            int rows,
            int column,
            int columns,
            int depth,
            long at);

    /// Computes a block of columns of a unit's results into the thread's sums.
    void compute(
            int group,
            int groupRows,
            int rows,
            int depth,
            long at,
            int column,
            int columns,
            int worker,
            TaskSums sums);
}

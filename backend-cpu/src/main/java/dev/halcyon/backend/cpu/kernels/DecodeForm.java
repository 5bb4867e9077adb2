package dev.halcyon.backend.cpu.kernels;

/// How a decode step computes: what [MlaDecodeWork] calls for a block of lanes of one sequence.
///
/// Lanes are numbered within the sequence where `firstLane` is given, and within the block
/// otherwise. A worker does one thing at a time and has memory of its own.
interface DecodeForm {
    /// {@return the layout of partial results}
    LaneSums sums();

    /// Prepares the queries of `count` lanes for what the worker accumulates next.
    void pack(long sequence, int firstLane, int count, int worker);

    /// Lets the packed lanes see the rows from `from` to `end` of a sequence, reporting pages that
    /// are not there for its first block of lanes, and writes the partial result.
    void accumulate(
            long sequence,
            int firstLane,
            int count,
            int length,
            long from,
            long end,
            int worker,
            long result);

    /// {@return the largest base-2 logit of a lane in the worker's latest partial result}
    float max(int worker, long result, int lane);

    /// Writes a lane's merged values.
    ///
    /// @param partial the first of `parts` partial results, which lie one behind the other
    /// @param factors of each, from [LaneSums#weigh]
    void write(long row, int head, int lane, long partial, int parts, float[] factors, int worker);
}

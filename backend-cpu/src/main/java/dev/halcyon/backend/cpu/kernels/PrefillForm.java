package dev.halcyon.backend.cpu.kernels;

/// How a prefill computes: what [MlaPrefillWork] calls for a tile, consecutive queries of one
/// sequence and one head, which are the lanes. A worker does one tile at a time and has memory of
/// its own.
interface PrefillForm {
    /// {@return the layout of a tile's result}
    LaneSums sums();

    /// {@return where a worker's result is}
    long result(int worker);

    /// Prepares the queries of `count` lanes.
    void pack(long firstRow, int head, int count, int worker);

    /// Lets the packed lanes see a sequence's keys.
    ///
    /// @param firstRow row of the first key
    /// @param firstVisible keys that lane 0 sees, perhaps none or fewer; each following lane sees
    ///   one more if the attention is causal
    /// @param keys the sequence's keys
    void accumulate(long firstRow, int head, int count, int firstVisible, int keys, int worker);

    /// {@return the largest base-2 logit of a lane}
    float max(int worker, int lane);

    /// Writes a lane's values times a factor.
    void write(long row, int head, int lane, float[] factor, int worker);
}

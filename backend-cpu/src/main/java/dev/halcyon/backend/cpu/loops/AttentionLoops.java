package dev.halcyon.backend.cpu.loops;

import java.lang.foreign.MemorySegment;

/// Inner loops over tiles of attention.
///
/// A *lane* is one query of one head. Everything about lanes lies in scratch memory with the lanes
/// side by side, so that a vector holds as many lanes and no sum runs across it; nothing is ever
/// transposed but the queries, once. Lanes come in *panels* of [#panelLanes()]; those beyond the
/// last real one are computed and ignored. With P lanes a panel:
///
/// | scratch array | layout | |
/// |---|---|---|
/// | queries | `[panel][dim][P]` | |
/// | keys | [GroupedRows] | room for [#BLOCK_KEYS] rows |
/// | scores | `[panel][BLOCK_KEYS][P]` | |
/// | max, sum, correction | `[panel][P]` | |
/// | values | [GroupedRows] | may be the keys; columns are rounded up to [#columnMultiple()] |
/// | sums | `[lane][stride]` | the same |
/// | part | 2 panels of scores | holds nothing between calls |
///
/// All of it is F32 in one native segment, `memory`; positions and strides count bytes. A lane's
/// numbers do not depend on which other lanes are computed with it. Implementations differ in
/// rounding only.
public interface AttentionLoops {
    /// Keys a block: a loop over fewer does not pay for its start.
    int BLOCK_KEYS = 128;

    /// Products a partial sum of a score: short, so that its rounding errors stay small and the
    /// queries of two panels stay in the first-level cache.
    int SCORE_RUN = 192;

    /// Floats of a tile's results, at most.
    int PART_FLOATS = 512;

    /// {@return lanes a panel}
    int panelLanes();

    /// {@return what the columns of values and sums are rounded up to}
    int columnMultiple();

    /// {@return how keys or values of so many columns lie}
    GroupedRows layout(int columns);

    /// Widens `n` BF16 values to F32, into a row from a column on.
    ///
    /// @param row the row's first byte
    void widenBf16(
            MemorySegment from,
            long byteOffset,
            MemorySegment memory,
            GroupedRows layout,
            long row,
            int column,
            int n);

    /// Computes `scores[key][lane] = keys[key] · queries[lane]` for `keyCount` keys and the lanes
    /// of `panels` panels.
    ///
    /// The rest of the last group may be read, too, and scores of it written.
    ///
    /// @param queries the first panel's
    /// @param scores the first panel's
    /// @param meanwhile is told of every product
    void scores(
            MemorySegment memory,
            long keys,
            GroupedRows layout,
            int keyCount,
            int dim,
            long queries,
            long scores,
            long part,
            int panels,
            Meanwhile meanwhile);

    /// Turns scores into weights and moves the running maximum and sum of each lane on: with `m' =
    /// max(m, scale · scores)` and `c = 2^(m - m')`, `weight = 2^(scale · score - m')`, `sum' = c ·
    /// sum + Σ weight`, and `c` is kept as the correction.
    ///
    /// A score of minus infinity has weight 0, also where all of a lane's are.
    ///
    /// @param scale what makes base-2 logits of scores: softmax scale times log2 e
    void softmax(
            MemorySegment memory,
            long scores,
            int keyCount,
            float scale,
            long max,
            long sum,
            long correction,
            int panels);

    /// Computes `sums[lane] = correction[lane] · sums[lane] + Σ_key weights[key][lane] ·
    /// values[key]`, the sum over the keys first.
    ///
    /// @param fresh whether to leave the first summand out and what it would read unread
    /// @param columns columns of values and sums, a multiple of [#columnMultiple()]
    /// @param part holds nothing between calls; room for [#PART_FLOATS]
    /// @param meanwhile is told of every product
    void values(
            MemorySegment memory,
            long weights,
            int keyCount,
            long values,
            GroupedRows layout,
            int columns,
            long correction,
            long sums,
            long sumStride,
            float[] part,
            boolean fresh,
            int panels,
            Meanwhile meanwhile);

    /// `x[i] = a * x[i] + b * y[i]`.
    void blend(MemorySegment memory, float a, long x, float b, long y, int n);

    /// `row[i] += factor * x[i]`.
    void addScaled(MemorySegment memory, float factor, long x, float[] row, int n);
}

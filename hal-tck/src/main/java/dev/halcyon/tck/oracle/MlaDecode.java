package dev.halcyon.tck.oracle;

import java.util.Arrays;
import java.util.stream.IntStream;

/// Absorbed attention over a latent cache: one shared key per token, whose first values are also
/// the value.
///
/// `z = scale <[q̃ ; q_rope], [latent ; rope key]>`, `o = Σ p latent`. Queries are causal from the
/// bottom right: query i of n sees the keys `j <= i + (length - n)`. Source: FlashMLA,
/// `flash_mla_with_kvcache`; DeepSeek-V3 inference/model.py, `attn_impl = "absorb"`.
///
/// @param heads query heads
/// @param valueWidth leading values of a cached row that are summed up
/// @param scale softmax scale, already with YaRN's factor
public record MlaDecode(int heads, int valueWidth, double scale) {
    /// Attention of all queries of all sequences over a paged cache.
    ///
    /// Rows of a page outside the pool count as not there, a negative length as 0, and a length
    /// beyond the block table is cut.
    ///
    /// @param query `[total queries, heads, cache.columns()]`
    /// @param queryStart `[sequences + 1]` first query of each sequence and the end of the last
    /// @param blockTable `[sequences, maxPages]`
    /// @param lengths `[sequences]` cached rows of each sequence, its newest tokens included
    /// @param sinks `[heads]`, empty for none
    /// @return outputs of width `valueWidth`
    public AttentionResult run(
            double[] query,
            int[] queryStart,
            PagedCache cache,
            int[] blockTable,
            int[] lengths,
            double[] sinks) {
        int sequences = lengths.length;
        int total = queryStart[sequences];
        Shapes.require("query", query.length, total, heads, cache.columns());
        int maxPages = sequences == 0 ? 0 : blockTable.length / sequences;
        AttentionResult result = AttentionResult.empty(total, heads, valueWidth);
        for (int s = 0; s < sequences; s++) {
            int[] pages = Arrays.copyOfRange(blockTable, s * maxPages, (s + 1) * maxPages);
            boolean[] present = cache.present(pages, lengths[s]);
            Rows whole = cache.sequence(pages, present.length);
            int count = queryStart[s + 1] - queryStart[s];
            for (int i = 0; i < count; i++) {
                Rows keys = new PresentRows(whole, present, visible(i, count, present.length));
                for (int head = 0; head < heads; head++) {
                    double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[head];
                    result.put(
                            queryStart[s] + i,
                            head,
                            head(query, queryStart[s] + i, head, keys, keys.rows(), sink));
                }
            }
        }
        return result;
    }

    /// Attention of one sequence's newest tokens over its rows.
    ///
    /// @param query `[queries, heads, rows.columns()]`
    public AttentionResult run(double[] query, Rows rows, double[] sinks) {
        int queries = Shapes.quotient("query", query.length, heads * rows.columns());
        AttentionResult result = AttentionResult.empty(queries, heads, valueWidth);
        for (int q = 0; q < queries; q++) {
            for (int head = 0; head < heads; head++) {
                double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[head];
                result.put(
                        q,
                        head,
                        head(query, q, head, rows, visible(q, queries, rows.rows()), sink));
            }
        }
        return result;
    }

    /// One query of one head, for checking samples of a large problem.
    ///
    /// @param keys the rows, read twice each
    /// @param visible how many of them the query sees
    public Attention.Head head(
            double[] query, int index, int head, Rows keys, int visible, double sink) {
        int offset = (index * heads + head) * keys.columns();
        return Attention.attend(
                query, offset, keys, Attention.leading(keys, valueWidth), visible, scale, sink);
    }

    /// How many rows query `index` of `count` sees when the sequence has `length` rows.
    public static int visible(int index, int count, int length) {
        return Math.max(0, index + 1 + length - count);
    }

    /// The present ones among the first rows.
    @SuppressWarnings("ArrayRecordComponent")
    private record PresentRows(Rows whole, int[] positions) implements Rows {
        PresentRows(Rows whole, boolean[] present, int first) {
            this(whole, IntStream.range(0, first).filter(row -> present[row]).toArray());
        }

        @Override
        public int rows() {
            return positions.length;
        }

        @Override
        public int columns() {
            return whole.columns();
        }

        @Override
        public void read(int row, double[] into) {
            whole.read(positions[row], into);
        }
    }
}

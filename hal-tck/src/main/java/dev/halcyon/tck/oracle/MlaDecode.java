package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// Absorbed attention over a paged latent cache: one shared key per token, whose first values are also the value.
///
/// `z = scale <[q̃ ; q_rope], [latent ; rope key]>`, `o = Σ p latent`. Queries are causal from the bottom right: query i of n sees the
/// keys `j <= i + (length - n)`. Source: FlashMLA, `flash_mla_with_kvcache`; DeepSeek-V3 inference/model.py, `attn_impl = "absorb"`.
///
/// @param heads query heads
/// @param valueWidth leading values of a cached row that are summed up
/// @param scale softmax scale, already with YaRN's factor
/// @param causal whether queries of one sequence see only earlier keys
public record MlaDecode(int heads, int valueWidth, double scale, boolean causal) {
    /// Attention of all queries of all sequences.
    ///
    /// @param query `[total queries, heads, cache.columns()]`
    /// @param queryStarts `[sequences + 1]` first query of each sequence, then the total
    /// @param blockTable `[sequences, maxPages]`
    /// @param lengths `[sequences]` cached rows of each sequence, its newest tokens included
    /// @param sinks `[heads]`, empty for none
    /// @return outputs of width `valueWidth`
    public AttentionResult run(
            double[] query, int[] queryStarts, PagedCache cache, int[] blockTable, int[] lengths, double[] sinks) {
        int sequences = lengths.length;
        int total = queryStarts[sequences];
        Shapes.require("query", query.length, total, heads, cache.columns());
        int maxPages = sequences == 0 ? 0 : blockTable.length / sequences;
        AttentionResult result = AttentionResult.empty(total, heads, valueWidth);
        for (int s = 0; s < sequences; s++) {
            int[] pages = Arrays.copyOfRange(blockTable, s * maxPages, (s + 1) * maxPages);
            Rows keys = cache.sequence(pages, lengths[s]);
            for (int q = queryStarts[s]; q < queryStarts[s + 1]; q++) {
                int visible = visible(q - queryStarts[s], queryStarts[s + 1] - queryStarts[s], lengths[s]);
                for (int head = 0; head < heads; head++) {
                    double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[head];
                    result.put(q, head, head(query, q, head, keys, visible, sink));
                }
            }
        }
        return result;
    }

    /// One query of one head, for checking samples of a large problem.
    public Attention.Head head(double[] query, int index, int head, Rows keys, int visible, double sink) {
        int offset = (index * heads + head) * keys.columns();
        return Attention.attend(query, offset, keys, Attention.leading(keys, valueWidth), visible, scale, sink);
    }

    /// How many keys query `index` of `count` sees when the sequence has `length` rows.
    public int visible(int index, int count, int length) {
        return causal ? Math.max(0, index + 1 + length - count) : length;
    }
}

package dev.halcyon.tck.oracle;

import java.util.Arrays;

/// The output of attention for many queries and heads.
///
/// @param queries number of queries
/// @param heads number of heads
/// @param width values per query and head
/// @param output `[queries, heads, width]`
/// @param logSumExp `[queries, heads]`, natural, without the sink; positive infinity where no key
///   was visible
/// @param maxLogit `[heads]` largest logit over all queries, scale included; negative infinity
///   where no key was visible
@SuppressWarnings("ArrayRecordComponent")
public record AttentionResult(
        int queries, int heads, int width, double[] output, double[] logSumExp, double[] maxLogit) {
    /// A result to be filled head by head with [#put].
    public static AttentionResult empty(int queries, int heads, int width) {
        double[] maxLogit = new double[heads];
        Arrays.fill(maxLogit, Double.NEGATIVE_INFINITY);
        return new AttentionResult(
                queries,
                heads,
                width,
                new double[queries * heads * width],
                new double[queries * heads],
                maxLogit);
    }

    /// Records what one query of one head yielded.
    public void put(int query, int head, Attention.Head result) {
        System.arraycopy(result.output(), 0, output, (query * heads + head) * width, width);
        logSumExp[query * heads + head] = result.logSumExp();
        maxLogit[head] = Math.max(maxLogit[head], result.maxLogit());
    }
}

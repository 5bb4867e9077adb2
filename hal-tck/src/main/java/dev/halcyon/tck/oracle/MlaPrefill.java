package dev.halcyon.tck.oracle;

import java.util.ArrayList;
import java.util.List;

/// Naive attention: every head's keys and values are made from the cached latents, then attended as ordinary multi-head attention.
///
/// `k = [W_UK c ; r]`, `v = W_UV c`, `z = scale <[q_nope ; q_rope], k>`, causal from the bottom right, so that the queries may be the
/// last chunk of a longer sequence. Source: DeepSeek-V3 inference/model.py, `attn_impl = "naive"`.
///
/// @param shape dimensions of the layer
/// @param scale softmax scale, already with YaRN's factor
/// @param causal whether queries see only earlier keys
public record MlaPrefill(MlaShape shape, double scale, boolean causal) {
    /// Attention of the last `queries` tokens of one sequence.
    ///
    /// @param query `[queries, heads, nope + rope]`, rope part rotated
    /// @param cached rows of the whole sequence, the queries' own tokens included
    /// @param weights only `kv_b_proj` is used
    /// @param sinks `[heads]`, empty for none
    /// @return outputs of width `value`
    public AttentionResult run(double[] query, Rows cached, MlaWeights weights, double[] sinks) {
        int queries = Shapes.quotient("query", query.length, shape.heads() * shape.queryWidth());
        AttentionResult result = AttentionResult.empty(queries, shape.heads(), shape.value());
        double[] rows = cached.toArray();
        for (int head = 0; head < shape.heads(); head++) {
            Rows keys = keys(rows, weights, head);
            Rows values = values(rows, weights, head);
            double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[head];
            for (int q = 0; q < queries; q++) {
                int visible = causal ? Math.max(0, q + 1 + cached.rows() - queries) : cached.rows();
                int offset = (q * shape.heads() + head) * shape.queryWidth();
                result.put(q, head, Attention.attend(query, offset, keys, values, visible, scale, sink));
            }
        }
        return result;
    }

    /// The same result in pieces: the chunk's own tokens causally, earlier tokens in blocks of `contextBlock` without a mask, merged by
    /// their log-sum-exps.
    public AttentionResult runInPieces(
            double[] query, Rows cached, MlaWeights weights, double[] sinks, int contextBlock) {
        int queries = Shapes.quotient("query", query.length, shape.heads() * shape.queryWidth());
        int context = cached.rows() - queries;
        AttentionResult result = AttentionResult.empty(queries, shape.heads(), shape.value());
        double[] rows = cached.toArray();
        for (int head = 0; head < shape.heads(); head++) {
            Rows keys = keys(rows, weights, head);
            Rows values = values(rows, weights, head);
            double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[head];
            for (int q = 0; q < queries; q++) {
                int offset = (q * shape.heads() + head) * shape.queryWidth();
                List<Attention.Head> pieces = new ArrayList<>();
                for (int first = 0; first < context; first += contextBlock) {
                    int count = Math.min(contextBlock, context - first);
                    pieces.add(piece(query, offset, keys.slice(first, count), values.slice(first, count), count));
                }
                pieces.add(piece(query, offset, keys.slice(context, queries), values.slice(context, queries), q + 1));
                result.put(q, head, SplitCombine.merge(pieces, shape.value(), sink));
            }
        }
        return result;
    }

    private Attention.Head piece(double[] query, int offset, Rows keys, Rows values, int visible) {
        return Attention.attend(query, offset, keys, values, visible, scale, Attention.NO_SINK);
    }

    private Rows keys(double[] cachedRows, MlaWeights weights, int head) {
        int tokens = cachedRows.length / shape.cacheWidth();
        double[] up = Linear.apply(latents(cachedRows), weights.keyUp(shape, head));
        double[] keys = new double[tokens * shape.queryWidth()];
        for (int t = 0; t < tokens; t++) {
            System.arraycopy(up, t * shape.nope(), keys, t * shape.queryWidth(), shape.nope());
            int rope = t * shape.cacheWidth() + shape.latent();
            System.arraycopy(cachedRows, rope, keys, t * shape.queryWidth() + shape.nope(), shape.rope());
        }
        return Rows.of(keys, tokens, shape.queryWidth());
    }

    private Rows values(double[] cachedRows, MlaWeights weights, int head) {
        int tokens = cachedRows.length / shape.cacheWidth();
        return Rows.of(Linear.apply(latents(cachedRows), weights.valueUp(shape, head)), tokens, shape.value());
    }

    private double[] latents(double[] cachedRows) {
        return Columns.slice(cachedRows, shape.cacheWidth(), 0, shape.latent());
    }
}

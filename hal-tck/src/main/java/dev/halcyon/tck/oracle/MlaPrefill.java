package dev.halcyon.tck.oracle;

/// Naive attention: multi-head attention over keys and values that were projected up from the
/// latent.
///
/// `z = scale (q_nope · key + q_rope · ropeKey)`, where the rope key is shared by all heads. Causal
/// attention is aligned at the bottom right, so that the queries may be the last chunk of a longer
/// sequence: query i of n sees keys `j <= i + (m - n)` of m. Source: DeepSeek-V3
/// inference/model.py, `attn_impl = "naive"`.
///
/// @param heads attention heads
/// @param nope values of a head's unrotated part
/// @param rope values of a head's rotated part; 0 where there is none
/// @param value values of a head's value
/// @param scale softmax scale, already with YaRN's factor
/// @param causal whether queries see only earlier keys
public record MlaPrefill(int heads, int nope, int rope, int value, double scale, boolean causal) {
    /// The attention of a layer.
    public static MlaPrefill of(MlaShape shape, double scale, boolean causal) {
        return new MlaPrefill(
                shape.heads(), shape.nope(), shape.rope(), shape.value(), scale, causal);
    }

    /// The keys and values of a batch.
    ///
    /// @param key `[keys, heads, nope]`
    /// @param ropeKey `[keys, rope]`, rotated
    /// @param value `[keys, heads, value]`
    @SuppressWarnings("ArrayRecordComponent")
    public record KeyValues(double[] key, double[] ropeKey, double[] value) {}

    /// Attention of several sequences.
    ///
    /// @param query `[queries, heads, nope + rope]`, rope part rotated
    /// @param queryStart `[sequences + 1]` first query of each sequence and the end of the last
    /// @param keyStart `[sequences + 1]` likewise for keys
    /// @param sinks `[heads]`, empty for none
    /// @return outputs of width `value`; queries of no sequence have output 0 here
    public AttentionResult run(
            double[] query, KeyValues keyValues, int[] queryStart, int[] keyStart, double[] sinks) {
        int queries = Shapes.quotient("query", query.length, heads * (nope + rope));
        AttentionResult result = AttentionResult.empty(queries, heads, value);
        for (int s = 0; s + 1 < queryStart.length; s++) {
            int keys = keyStart[s + 1] - keyStart[s];
            int count = queryStart[s + 1] - queryStart[s];
            for (int head = 0; head < heads; head++) {
                double sink = sinks.length == 0 ? Attention.NO_SINK : sinks[head];
                Rows headKeys = headKeys(keyValues, keyStart[s], keys, head);
                Rows headValues = headValues(keyValues, keyStart[s], keys, head);
                for (int i = 0; i < count; i++) {
                    int q = queryStart[s] + i;
                    int offset = (q * heads + head) * (nope + rope);
                    int visible = causal ? i + 1 + keys - count : keys;
                    result.put(
                            q,
                            head,
                            Attention.attend(
                                    query, offset, headKeys, headValues, visible, scale, sink));
                }
            }
        }
        return result;
    }

    /// Attention of one sequence whose queries are the last of the keys' tokens.
    public AttentionResult run(double[] query, KeyValues keyValues, double[] sinks) {
        int queries = Shapes.quotient("query", query.length, heads * (nope + rope));
        int keys = Shapes.quotient("key", keyValues.key().length, heads * nope);
        return run(query, keyValues, new int[] {0, queries}, new int[] {0, keys}, sinks);
    }

    /// One head's keys, `[count, nope + rope]`.
    Rows headKeys(KeyValues keyValues, int first, int count, int head) {
        return new HeadKeys(this, keyValues, first, count, head);
    }

    /// One head's values, `[count, value]`.
    Rows headValues(KeyValues keyValues, int first, int count, int head) {
        return new HeadValues(this, keyValues, first, count, head);
    }

    private record HeadKeys(MlaPrefill shape, KeyValues stored, int first, int rows, int head)
            implements Rows {
        @Override
        public int columns() {
            return shape.nope + shape.rope;
        }

        @Override
        public void read(int row, double[] into) {
            int at = first + row;
            System.arraycopy(
                    stored.key(), (at * shape.heads + head) * shape.nope, into, 0, shape.nope);
            System.arraycopy(stored.ropeKey(), at * shape.rope, into, shape.nope, shape.rope);
        }
    }

    private record HeadValues(MlaPrefill shape, KeyValues stored, int first, int rows, int head)
            implements Rows {
        @Override
        public int columns() {
            return shape.value;
        }

        @Override
        public void read(int row, double[] into) {
            System.arraycopy(
                    stored.value(),
                    ((first + row) * shape.heads + head) * shape.value,
                    into,
                    0,
                    shape.value);
        }
    }
}

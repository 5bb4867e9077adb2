package dev.halcyon.tck.oracle;

/// The gradient of naive attention of one sequence over itself.
///
/// @param dQuery `[tokens, heads, nope + rope]`
/// @param dKey `[tokens, heads, nope]`
/// @param dRopeKey `[tokens, rope]`, summed over heads
/// @param dValue `[tokens, heads, value]`
@SuppressWarnings("ArrayRecordComponent")
public record PrefillBackward(double[] dQuery, double[] dKey, double[] dRopeKey, double[] dValue) {
    /// Runs [Attention#backward] for every query and head, without a sink, and adds up what falls
    /// on each key.
    ///
    /// @param dOutput `[tokens, heads, value]`
    /// @param query `[tokens, heads, nope + rope]`
    public static PrefillBackward of(
            MlaPrefill core, double[] dOutput, double[] query, MlaPrefill.KeyValues keyValues) {
        int heads = core.heads();
        int queryWidth = core.nope() + core.rope();
        int tokens = Shapes.quotient("query", query.length, heads * queryWidth);
        Shapes.require("dOutput", dOutput.length, tokens, heads, core.value());
        PrefillBackward sums =
                new PrefillBackward(
                        new double[query.length],
                        new double[keyValues.key().length],
                        new double[keyValues.ropeKey().length],
                        new double[keyValues.value().length]);
        for (int head = 0; head < heads; head++) {
            Rows keys = core.headKeys(keyValues, 0, tokens, head);
            Rows values = core.headValues(keyValues, 0, tokens, head);
            for (int q = 0; q < tokens; q++) {
                int row = q * heads + head;
                double[] dHead =
                        Columns.slice(dOutput, dOutput.length, row * core.value(), core.value());
                int visible = core.causal() ? q + 1 : tokens;
                Attention.Gradient gradient =
                        Attention.backward(
                                dHead,
                                query,
                                row * queryWidth,
                                keys,
                                values,
                                visible,
                                core.scale(),
                                Attention.NO_SINK);
                System.arraycopy(gradient.dQuery(), 0, sums.dQuery, row * queryWidth, queryWidth);
                for (int j = 0; j < visible; j++) {
                    add(
                            gradient.dKeys(),
                            j * queryWidth,
                            sums.dKey,
                            (j * heads + head) * core.nope(),
                            core.nope());
                    int rope = j * queryWidth + core.nope();
                    add(gradient.dKeys(), rope, sums.dRopeKey, j * core.rope(), core.rope());
                    int value = (j * heads + head) * core.value();
                    add(gradient.dValues(), j * core.value(), sums.dValue, value, core.value());
                }
            }
        }
        return sums;
    }

    private static void add(double[] from, int fromOffset, double[] to, int toOffset, int length) {
        for (int i = 0; i < length; i++) {
            to[toOffset + i] += from[fromOffset + i];
        }
    }
}

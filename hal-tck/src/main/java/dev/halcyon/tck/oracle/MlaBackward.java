package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// The gradient of a multi-head latent attention layer over one sequence without earlier context.
///
/// Per head `[dk_nope ; dk_rope]` and `dv` come from the attention core; the shared rope key's
/// gradient is summed over heads before it is rotated back, and `dc = W_UKᵀ dk_nope + W_UVᵀ dv`.
/// Source: the chain rule over DeepSeek-V3 inference/model.py, `MLA` (naive).
///
/// @param dx `[tokens, hidden]`
/// @param queryA gradient of `q_a_proj`, or null
/// @param queryNorm gradient of `q_a_layernorm`, or null
/// @param queryB gradient of `q_b_proj` or `q_proj`
/// @param keyValueA gradient of `kv_a_proj_with_mqa`
/// @param keyValueNorm gradient of `kv_a_layernorm`
/// @param keyValueB gradient of `kv_b_proj`
/// @param output gradient of `o_proj`
@SuppressWarnings("ArrayRecordComponent")
public record MlaBackward(
        double[] dx,
        double @Nullable [] queryA,
        double @Nullable [] queryNorm,
        double[] queryB,
        double[] keyValueA,
        double[] keyValueNorm,
        double[] keyValueB,
        double[] output) {
    /// The gradient for the loss whose derivative by the layer's output is `dy`.
    ///
    /// @param dy `[tokens, hidden]`
    /// @param x `[tokens, hidden]`
    /// @param positions `[tokens]`
    public static MlaBackward of(MlaLayer layer, double[] dy, double[] x, int[] positions) {
        MlaShape shape = layer.shape();
        MlaWeights weights = layer.weights();
        int tokens = positions.length;
        double[] query = layer.query(x, positions);
        double[] cached = layer.cacheRows(x, positions);
        MlaPrefill.KeyValues keyValues = layer.keyValues(cached);
        MlaPrefill core = MlaPrefill.of(shape, layer.softmaxScale(), true);
        double[] attended = core.run(query, keyValues, new double[0]).output();
        double[] dAttended = Linear.applyTransposed(dy, weights.output());
        PrefillBackward inner = PrefillBackward.of(core, dAttended, query, keyValues);

        int perHead = shape.nope() + shape.value();
        double[] dUp = Columns.joined(inner.dKey(), shape.nope(), inner.dValue(), shape.value());
        Rope.rotateHeads(
                inner.dRopeKey(),
                1,
                shape.rope(),
                0,
                positions,
                layer.rope(),
                Rope.Layout.INTERLEAVED,
                Rope.Direction.INVERSE);
        double[] normalised = Columns.slice(cached, shape.cacheWidth(), 0, shape.latent());
        double[] latent =
                Columns.slice(
                        Linear.apply(x, weights.keyValueA()),
                        shape.cacheWidth(),
                        0,
                        shape.latent());
        RmsNorm.Gradient norm =
                RmsNorm.backward(
                        Linear.applyTransposed(dUp, weights.keyValueB()),
                        latent,
                        shape.latent(),
                        weights.keyValueNorm(),
                        layer.latentEps());
        double[] dRows = Columns.joined(norm.dx(), shape.latent(), inner.dRopeKey(), shape.rope());

        double[] dQuery = inner.dQuery();
        Rope.rotateHeads(
                dQuery,
                shape.heads(),
                shape.queryWidth(),
                shape.nope(),
                positions,
                layer.rope(),
                Rope.Layout.INTERLEAVED,
                Rope.Direction.INVERSE);
        QuerySide side = querySide(layer, dQuery, x, tokens);
        return new MlaBackward(
                Axpby.apply(1, Linear.applyTransposed(dRows, weights.keyValueA()), 1, side.dx),
                side.queryA,
                side.queryNorm,
                side.queryB,
                Linear.weightGradient(dRows, x, tokens, shape.cacheWidth(), shape.hidden()),
                norm.dWeight(),
                Linear.weightGradient(
                        dUp, normalised, tokens, shape.heads() * perHead, shape.latent()),
                Linear.weightGradient(
                        dy, attended, tokens, shape.hidden(), shape.heads() * shape.value()));
    }

    private static QuerySide querySide(MlaLayer layer, double[] dQuery, double[] x, int tokens) {
        MlaShape shape = layer.shape();
        MlaWeights weights = layer.weights();
        int width = shape.heads() * shape.queryWidth();
        Rows queryA = weights.queryA();
        double[] queryNorm = weights.queryNorm();
        if (queryA == null || queryNorm == null) {
            return new QuerySide(
                    Linear.applyTransposed(dQuery, weights.queryB()),
                    null,
                    null,
                    Linear.weightGradient(dQuery, x, tokens, width, shape.hidden()));
        }
        int rank = shape.queryRank();
        double[] low = Linear.apply(x, queryA);
        double[] normalised = RmsNorm.forward(low, rank, queryNorm, layer.latentEps());
        RmsNorm.Gradient norm =
                RmsNorm.backward(
                        Linear.applyTransposed(dQuery, weights.queryB()),
                        low,
                        rank,
                        queryNorm,
                        layer.latentEps());
        return new QuerySide(
                Linear.applyTransposed(norm.dx(), queryA),
                Linear.weightGradient(norm.dx(), x, tokens, rank, shape.hidden()),
                norm.dWeight(),
                Linear.weightGradient(dQuery, normalised, tokens, width, rank));
    }

    @SuppressWarnings("ArrayRecordComponent")
    private record QuerySide(
            double[] dx,
            double @Nullable [] queryA,
            double @Nullable [] queryNorm,
            double[] queryB) {}
}

package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// A whole multi-head latent attention layer of one sequence, in the naive and in the absorbed
/// form.
///
/// Source: DeepSeek-V3 inference/model.py, `MLA`.
///
/// @param shape dimensions
/// @param weights weights
/// @param rope rotary frequencies of the layer, interleaved pairs
/// @param softmaxScale factor on the logits, already with YaRN's factor
/// @param latentEps eps of the two latent norms; the reference code uses 1e-6 whatever the
///   configuration says of other norms
public record MlaLayer(
        MlaShape shape, MlaWeights weights, RopeTable rope, double softmaxScale, double latentEps) {
    /// Which of the two equivalent computations is made.
    public enum Form {
        /// Keys and values per head, as training and prefill do.
        NAIVE,
        /// Queries and outputs taken through the up projections, as decode does.
        ABSORBED
    }

    /// The layer's output and its attention statistics.
    ///
    /// @param y `[tokens, hidden]`
    /// @param attention per-head results before the output projection: width `value` in the naive
    ///   form, `latent` in the absorbed one
    @SuppressWarnings("ArrayRecordComponent")
    public record Output(double[] y, AttentionResult attention) {}

    /// Checks the weights.
    ///
    /// @throws IllegalArgumentException naming the weight that does not fit
    public MlaLayer {
        weights.check(shape);
        if (rope.dim() != shape.rope()) {
            throw new IllegalArgumentException(
                    "the rope table has " + rope.dim() + " values, the layer " + shape.rope());
        }
    }

    /// The same layer with other weights.
    public MlaLayer withWeights(MlaWeights newWeights) {
        return new MlaLayer(shape, newWeights, rope, softmaxScale, latentEps);
    }

    /// `scale = (nope + rope)^-½`, times YaRN's softmax factor when there is YaRN.
    public static double softmaxScale(MlaShape shape, @Nullable Yarn yarn) {
        return shape.baseSoftmaxScale() * (yarn == null ? 1 : yarn.softmaxFactor());
    }

    /// Appends the tokens to the cache and attends from them.
    ///
    /// @param x `[tokens, hidden]`
    /// @param positions `[tokens]`
    /// @param cache rows of the tokens before; grows by `tokens`
    public Output forward(double[] x, int[] positions, LatentCache cache, Form form) {
        cache.append(cacheRows(x, positions));
        double[] query = query(x, positions);
        return switch (form) {
            case NAIVE -> {
                AttentionResult result =
                        MlaPrefill.of(shape, softmaxScale, true)
                                .run(query, keyValues(cache.toArray()), new double[0]);
                yield new Output(Linear.apply(result.output(), weights.output()), result);
            }
            case ABSORBED -> {
                AttentionResult result =
                        new MlaDecode(shape.heads(), shape.latent(), softmaxScale)
                                .run(absorbQuery(query), cache, new double[0]);
                yield new Output(
                        Linear.apply(unabsorbOutput(result.output()), weights.output()), result);
            }
        };
    }

    /// `[tokens, heads, nope + rope]` queries with the rope part rotated.
    public double[] query(double[] x, int[] positions) {
        double[] input = x;
        if (weights.queryA() != null) {
            double[] low = Linear.apply(x, weights.queryA());
            input = RmsNorm.forward(low, shape.queryRank(), weights.queryNorm(), latentEps);
        }
        double[] query = Linear.apply(input, weights.queryB());
        Rope.rotateHeads(
                query,
                shape.heads(),
                shape.queryWidth(),
                shape.nope(),
                positions,
                rope,
                Rope.Layout.INTERLEAVED,
                Rope.Direction.FORWARD);
        return query;
    }

    /// `[tokens, latent + rope]` rows for the cache: the latent normalised, the rope key rotated
    /// and not normalised.
    public double[] cacheRows(double[] x, int[] positions) {
        double[] rows = Linear.apply(x, weights.keyValueA());
        double[] latent = Columns.slice(rows, shape.cacheWidth(), 0, shape.latent());
        double[] normalised =
                RmsNorm.forward(latent, shape.latent(), weights.keyValueNorm(), latentEps);
        for (int t = 0; t < positions.length; t++) {
            System.arraycopy(
                    normalised, t * shape.latent(), rows, t * shape.cacheWidth(), shape.latent());
            int ropeAt = t * shape.cacheWidth() + shape.latent();
            Rope.rotate(
                    rows,
                    ropeAt,
                    rope,
                    positions[t],
                    Rope.Layout.INTERLEAVED,
                    Rope.Direction.FORWARD);
        }
        return rows;
    }

    /// Keys and values of every head from cached rows: `k = W_UK c`, `v = W_UV c`.
    ///
    /// @param cachedRows `[tokens, latent + rope]`
    public MlaPrefill.KeyValues keyValues(double[] cachedRows) {
        double[] latent = Columns.slice(cachedRows, shape.cacheWidth(), 0, shape.latent());
        double[] up = Linear.apply(latent, weights.keyValueB());
        int perHead = shape.nope() + shape.value();
        return new MlaPrefill.KeyValues(
                Columns.slice(up, perHead, 0, shape.nope()),
                Columns.slice(cachedRows, shape.cacheWidth(), shape.latent(), shape.rope()),
                Columns.slice(up, perHead, shape.nope(), shape.value()));
    }

    /// `q̃ = W_UKᵀ q_nope`: `[tokens, heads, latent + rope]` from `[tokens, heads, nope + rope]`.
    public double[] absorbQuery(double[] query) {
        int tokens = Shapes.quotient("query", query.length, shape.heads() * shape.queryWidth());
        double[] absorbed = new double[tokens * shape.heads() * shape.cacheWidth()];
        for (int head = 0; head < shape.heads(); head++) {
            int width = shape.heads() * shape.queryWidth();
            double[] nope = Columns.slice(query, width, head * shape.queryWidth(), shape.nope());
            double[] latent = Linear.applyTransposed(nope, weights.keyUp(shape, head));
            for (int t = 0; t < tokens; t++) {
                int from = (t * shape.heads() + head) * shape.queryWidth() + shape.nope();
                int to = (t * shape.heads() + head) * shape.cacheWidth();
                System.arraycopy(latent, t * shape.latent(), absorbed, to, shape.latent());
                System.arraycopy(query, from, absorbed, to + shape.latent(), shape.rope());
            }
        }
        return absorbed;
    }

    /// `o = W_UV o_latent`: `[tokens, heads * value]` from `[tokens, heads, latent]`.
    public double[] unabsorbOutput(double[] latentOutput) {
        int tokens = Shapes.quotient("output", latentOutput.length, shape.heads() * shape.latent());
        double[] output = new double[tokens * shape.heads() * shape.value()];
        for (int head = 0; head < shape.heads(); head++) {
            double[] latent =
                    Columns.slice(
                            latentOutput,
                            shape.heads() * shape.latent(),
                            head * shape.latent(),
                            shape.latent());
            double[] value = Linear.apply(latent, weights.valueUp(shape, head));
            for (int t = 0; t < tokens; t++) {
                int to = (t * shape.heads() + head) * shape.value();
                System.arraycopy(value, t * shape.value(), output, to, shape.value());
            }
        }
        return output;
    }
}

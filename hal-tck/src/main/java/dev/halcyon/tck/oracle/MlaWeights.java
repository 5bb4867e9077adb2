package dev.halcyon.tck.oracle;

import org.jspecify.annotations.Nullable;

/// The weights of one attention layer, under the names of Hugging Face checkpoints.
///
/// @param queryA `q_a_proj`, `[queryRank, hidden]`, or null when the query rank is 0
/// @param queryNorm `q_a_layernorm`, `[queryRank]`, or null with it
/// @param queryB `q_b_proj`, `[heads * (nope + rope), queryRank]`, or `q_proj`, `[heads * (nope +
///   rope), hidden]`; per head the nope rows come first
/// @param keyValueA `kv_a_proj_with_mqa`, `[latent + rope, hidden]`: latent rows, then the shared
///   rope key
/// @param keyValueNorm `kv_a_layernorm`, `[latent]`
/// @param keyValueB `kv_b_proj`, `[heads * (nope + value), latent]`; per head the key rows come
///   first, then the value rows
/// @param output `o_proj`, `[hidden, heads * value]`
@SuppressWarnings("ArrayRecordComponent")
public record MlaWeights(
        @Nullable Rows queryA,
        double @Nullable [] queryNorm,
        Rows queryB,
        Rows keyValueA,
        double[] keyValueNorm,
        Rows keyValueB,
        Rows output) {
    /// Checks every weight against the layer's dimensions.
    ///
    /// @throws IllegalArgumentException naming the weight that does not fit
    public void check(MlaShape shape) {
        int queryInput = shape.queryRank() == 0 ? shape.hidden() : shape.queryRank();
        if ((queryA == null) != (shape.queryRank() == 0)
                || (queryNorm == null) != (shape.queryRank() == 0)) {
            throw new IllegalArgumentException(
                    "q_a_proj and q_a_layernorm must be there exactly when the query rank is not 0,"
                            + " which is "
                            + shape.queryRank());
        }
        if (queryA != null) {
            Shapes.require("q_a_proj", queryA, shape.queryRank(), shape.hidden());
        }
        Shapes.require("query projection", queryB, shape.heads() * shape.queryWidth(), queryInput);
        Shapes.require("kv_a_proj_with_mqa", keyValueA, shape.cacheWidth(), shape.hidden());
        Shapes.require("kv_a_layernorm", keyValueNorm.length, shape.latent());
        Shapes.require(
                "kv_b_proj",
                keyValueB,
                shape.heads() * (shape.nope() + shape.value()),
                shape.latent());
        Shapes.require("o_proj", output, shape.hidden(), shape.heads() * shape.value());
    }

    /// The same weights with other up projections of the same sizes, as QK-Clip makes them.
    public MlaWeights withUpProjections(double[] newQueryB, double[] newKeyValueB) {
        return new MlaWeights(
                queryA,
                queryNorm,
                Rows.of(newQueryB, queryB.rows(), queryB.columns()),
                keyValueA,
                keyValueNorm,
                Rows.of(newKeyValueB, keyValueB.rows(), keyValueB.columns()),
                output);
    }

    /// The rows of `kv_b_proj` that make head `head`'s keys, `[nope, latent]`.
    public Rows keyUp(MlaShape shape, int head) {
        return keyValueB.slice(head * (shape.nope() + shape.value()), shape.nope());
    }

    /// The rows of `kv_b_proj` that make head `head`'s values, `[value, latent]`.
    public Rows valueUp(MlaShape shape, int head) {
        return keyValueB.slice(head * (shape.nope() + shape.value()) + shape.nope(), shape.value());
    }
}

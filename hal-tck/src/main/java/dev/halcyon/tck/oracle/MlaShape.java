package dev.halcyon.tck.oracle;

/// The dimensions of multi-head latent attention.
///
/// @param hidden width of the residual stream
/// @param heads attention heads
/// @param queryRank rank of the query's down projection; 0 means that queries come straight from
///   the hidden state
/// @param latent rank of the shared key and value latent
/// @param nope values of each head's query and key that carry no position
/// @param rope values that carry a rotary position; the key's part is shared by all heads
/// @param value values of each head's value
public record MlaShape(
        int hidden, int heads, int queryRank, int latent, int nope, int rope, int value) {
    /// Rejects dimensions that no model can have.
    ///
    /// @throws IllegalArgumentException if a dimension other than `queryRank` is not positive, or
    ///   `rope` is odd
    public MlaShape {
        if (hidden < 1
                || heads < 1
                || queryRank < 0
                || latent < 1
                || nope < 1
                || rope < 2
                || rope % 2 != 0
                || value < 1) {
            throw new IllegalArgumentException(
                    "impossible MLA dimensions: hidden "
                            + hidden
                            + ", heads "
                            + heads
                            + ", queryRank "
                            + queryRank
                            + ", latent "
                            + latent
                            + ", nope "
                            + nope
                            + ", rope "
                            + rope
                            + ", value "
                            + value);
        }
    }

    /// Values of a naive query or key of one head.
    public int queryWidth() {
        return nope + rope;
    }

    /// Values of a cached row, and of an absorbed query of one head.
    public int cacheWidth() {
        return latent + rope;
    }

    /// `1 / sqrt(nope + rope)`: the base of the softmax scale in both forms, whatever the width
    /// that a kernel multiplies.
    public double baseSoftmaxScale() {
        return 1 / Math.sqrt(queryWidth());
    }
}

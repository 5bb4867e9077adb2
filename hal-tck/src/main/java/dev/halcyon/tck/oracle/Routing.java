package dev.halcyon.tck.oracle;

/// Which experts every token goes to, and with what weight.
///
/// @param tokens number of tokens
/// @param topK experts per token
/// @param indices `[tokens, topK]`, best first; -1 where there is none
/// @param weights `[tokens, topK]`; 0 where there is no expert
@SuppressWarnings("ArrayRecordComponent")
public record Routing(int tokens, int topK, int[] indices, double[] weights) {
    /// Checks the sizes.
    ///
    /// @throws IllegalArgumentException if an array does not fit
    public Routing {
        Shapes.require("indices", indices.length, tokens, topK);
        Shapes.require("weights", weights.length, tokens, topK);
    }
}

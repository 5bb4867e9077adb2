package dev.halcyon.engine;

/// How the next token is chosen.
///
/// The random number of a token depends on the seed and its position alone, so a request's answer
/// does not depend on when it ran or with whom.
///
/// @param temperature divides the logits; 0 takes the likeliest token
/// @param topP probability mass to choose from, above 0 to 1
/// @param topK number of tokens to choose from; 0 for all
/// @param seed seed of the random numbers
public record SamplingOptions(double temperature, double topP, int topK, long seed) {
    /// The likeliest token, always.
    public static final SamplingOptions GREEDY = new SamplingOptions(0, 1, 0, 0);

    public SamplingOptions {
        if (!(temperature >= 0) || !Double.isFinite(temperature)) {
            throw new IllegalArgumentException(
                    "temperature must be a finite number of at least 0, not " + temperature);
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top-p must be above 0 and at most 1, not " + topP);
        }
        if (topK < 0) {
            throw new IllegalArgumentException(
                    "top-k must be at least 0 (0 for all tokens), not " + topK);
        }
    }

    /// {@return whether no random number is needed}
    public boolean isGreedy() {
        return temperature == 0;
    }
}

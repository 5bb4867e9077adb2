package dev.halcyon.engine;

import java.util.List;
import java.util.Set;

/// What is to be continued, and how far.
///
/// @param prompt token ids, at least one
/// @param maxNewTokens most tokens to add
/// @param sampling how tokens are chosen
/// @param stopTokens tokens that end the answer; the one that does is its last token
public record Request(
        List<Integer> prompt, int maxNewTokens, SamplingOptions sampling, Set<Integer> stopTokens) {
    public Request {
        prompt = List.copyOf(prompt);
        stopTokens = Set.copyOf(stopTokens);
        if (prompt.isEmpty()) {
            throw new IllegalArgumentException("a prompt has at least one token");
        }
        if (maxNewTokens < 1) {
            throw new IllegalArgumentException(
                    "maxNewTokens must be at least 1, not " + maxNewTokens);
        }
    }

    /// {@return a request for the likeliest tokens, without stop tokens}
    public static Request greedy(List<Integer> prompt, int maxNewTokens) {
        return new Request(prompt, maxNewTokens, SamplingOptions.GREEDY, Set.of());
    }
}

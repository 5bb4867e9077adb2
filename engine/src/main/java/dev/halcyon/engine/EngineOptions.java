package dev.halcyon.engine;

import dev.halcyon.hal.memory.DType;

/// The sizes and types an engine is opened with.
///
/// @param maxSequences most sequences decoded together
/// @param maxContext most tokens of one sequence, prompt and answer together
/// @param prefillChunk most prompt tokens prefilled at once; a longer prompt goes in pieces
/// @param contextChunk most cached rows that a prefill piece attends to at once; more go in pieces,
///   merged by log-sum-exp
/// @param cacheTokens tokens that the pages of the cache hold, all sequences together
/// @param activation element type between kernels
/// @param cache element type of the latent cache
/// @param batchInvariant whether a token's logits must not depend on what else is in the batch, bit
///   for bit
/// @param packWeights whether linear weights are copied into the layouts that the device prefers:
///   faster steps for a longer start, and as much memory again as those weights take in the files
public record EngineOptions(
        int maxSequences,
        int maxContext,
        int prefillChunk,
        int contextChunk,
        int cacheTokens,
        DType activation,
        DType cache,
        boolean batchInvariant,
        boolean packWeights) {
    public EngineOptions {
        requirePositive("maxSequences", maxSequences);
        requirePositive("maxContext", maxContext);
        requirePositive("prefillChunk", prefillChunk);
        requirePositive("contextChunk", contextChunk);
        requirePositive("cacheTokens", cacheTokens);
        if (activation != DType.F32 && activation != DType.BF16) {
            throw new IllegalArgumentException("activation must be F32 or BF16, not " + activation);
        }
        if (cache != DType.F32 && cache != DType.BF16) {
            throw new IllegalArgumentException("cache must be F32 or BF16, not " + cache);
        }
    }

    private static void requirePositive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, not " + value);
        }
    }

    /// {@return one sequence at a time, 4,096 tokens of context, everything between kernels and in
    /// the cache in F32, weights used where the files are mapped}
    public static EngineOptions defaults() {
        return new EngineOptions(1, 4096, 512, 4096, 4096, DType.F32, DType.F32, false, false);
    }

    /// {@return these options for up to `sequences` sequences of up to `context` tokens, with a
    /// cache that holds them all}
    ///
    /// @throws IllegalArgumentException if they are too many to count
    public EngineOptions withCapacity(int sequences, int context) {
        long tokens = (long) sequences * context;
        if (tokens > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    sequences
                            + " sequences of "
                            + context
                            + " tokens are "
                            + tokens
                            + ", a cache holds "
                            + Integer.MAX_VALUE
                            + "; set a smaller cache with withCacheTokens");
        }
        return new EngineOptions(
                sequences,
                context,
                prefillChunk,
                contextChunk,
                (int) tokens,
                activation,
                cache,
                batchInvariant,
                packWeights);
    }

    /// {@return these options with other types}
    public EngineOptions withTypes(DType newActivation, DType newCache) {
        return new EngineOptions(
                maxSequences,
                maxContext,
                prefillChunk,
                contextChunk,
                cacheTokens,
                newActivation,
                newCache,
                batchInvariant,
                packWeights);
    }

    /// {@return these options with other chunk sizes}
    public EngineOptions withChunks(int newPrefillChunk, int newContextChunk) {
        return new EngineOptions(
                maxSequences,
                maxContext,
                newPrefillChunk,
                newContextChunk,
                cacheTokens,
                activation,
                cache,
                batchInvariant,
                packWeights);
    }

    /// {@return these options with a cache of another size}
    public EngineOptions withCacheTokens(int tokens) {
        return new EngineOptions(
                maxSequences,
                maxContext,
                prefillChunk,
                contextChunk,
                tokens,
                activation,
                cache,
                batchInvariant,
                packWeights);
    }

    /// {@return these options with or without batch invariance}
    public EngineOptions withBatchInvariant(boolean invariant) {
        return new EngineOptions(
                maxSequences,
                maxContext,
                prefillChunk,
                contextChunk,
                cacheTokens,
                activation,
                cache,
                invariant,
                packWeights);
    }

    /// {@return these options with or without weights in the device's own layouts}
    public EngineOptions withPackedWeights(boolean packed) {
        return new EngineOptions(
                maxSequences,
                maxContext,
                prefillChunk,
                contextChunk,
                cacheTokens,
                activation,
                cache,
                batchInvariant,
                packed);
    }
}

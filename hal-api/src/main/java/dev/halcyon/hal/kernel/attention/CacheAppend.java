package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.Objects;

/// Writes a row of the cache for each token: its normalised latent, then its rotated rope key.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `latent` | `in [T, latentDim]` | T up to `maxTokens`; a slice of wider rows will do |
/// | `ropeKey` | `in [T, ropeDim]` | the same |
/// | `slots` | `I32 [T]` | `page * rowsPerPage + row`; -1 appends nothing |
/// | `cache` | pages of the format `cache` | rows that no slot names keep their bytes |
/// | `activeRows` | `I32 [1]` | optional; tokens at and beyond it append nothing |
///
/// Values are converted to the cache's type: to nearest, ties to even, an F8_E4M3 cache saturating.
/// A slot outside the pool is skipped and raises the fault word. If two tokens name one slot,
/// either of them is kept.
///
/// @param maxTokens upper bound of the number of tokens
/// @param cache format of the pool
/// @param in element type of latent and rope key
public record CacheAppend(int maxTokens, CacheFormat cache, DType in)
        implements KernelSpec<CacheAppend.Args> {
    /// Operands, as tabled at [CacheAppend].
    public record Args(
            Tensor latent,
            Tensor ropeKey,
            Tensor slots,
            CachePool cache,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(latent, "latent");
            Objects.requireNonNull(ropeKey, "ropeKey");
            Objects.requireNonNull(slots, "slots");
            Objects.requireNonNull(cache, "cache");
        }

        /// {@return the operands of an append of all tokens}
        public static Args of(Tensor latent, Tensor ropeKey, Tensor slots, CachePool cache) {
            return new Args(latent, ropeKey, slots, cache, null);
        }

        /// {@return these with the number of live tokens}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(latent, ropeKey, slots, cache, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("latent", latent)
                    .read("ropeKey", ropeKey)
                    .read("slots", slots)
                    .update("cache", cache)
                    .read("activeRows", activeRows);
        }
    }

    public CacheAppend {
        Require.positive("maxTokens", maxTokens);
        Objects.requireNonNull(cache, "cache");
        Require.activation("in", in);
    }

    /// {@return an append of up to `maxTokens` tokens}
    public static CacheAppend of(int maxTokens, CacheFormat cache, DType in) {
        return new CacheAppend(maxTokens, cache, in);
    }

    @Override
    public void validate(Args args) {
        long tokens = Require.rows("latent", args.latent, in, maxTokens, cache.latentDim());
        Require.tensor("ropeKey", args.ropeKey, in, tokens, cache.ropeDim());
        Require.tensor("slots", args.slots, DType.I32, tokens);
        CacheFormats.require("cache", args.cache, cache);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxTokens);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.latent.dim(0));
    }

    private Cost cost(double tokens) {
        return new Cost(
                0, tokens * (4.0 + in.bytes(cache.rowDim()) + CacheFormats.bytesPerRow(cache)));
    }
}

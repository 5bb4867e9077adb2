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

/// Reads rows of the cache back into tensors: what chunked prefill up-projects, and what a swap or
/// a test looks at.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `cache` | pages of the format `cache` | |
/// | `slots` | `I32 [R]` | `page * rowsPerPage + row`, R up to `maxRows`; -1 gives a row of zeros |
/// | `latent` | `out [R, latentDim]` | the result; may be a slice of wider rows |
/// | `ropeKey` | `out [R, ropeDim]` | the same |
/// | `activeRows` | `I32 [1]` | optional; bounds the rows |
///
/// Values are converted to `out`, to nearest, ties to even. A slot outside the pool gives a row of
/// zeros and raises the fault word.
///
/// @param maxRows upper bound of the number of rows
/// @param cache format of the pool
/// @param out element type of latent and rope key
public record CacheGather(int maxRows, CacheFormat cache, DType out)
        implements KernelSpec<CacheGather.Args> {
    /// Operands, as tabled at [CacheGather].
    public record Args(
            CachePool cache,
            Tensor slots,
            Tensor latent,
            Tensor ropeKey,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(cache, "cache");
            Objects.requireNonNull(slots, "slots");
            Objects.requireNonNull(latent, "latent");
            Objects.requireNonNull(ropeKey, "ropeKey");
        }

        /// {@return the operands of a gather of all rows}
        public static Args of(CachePool cache, Tensor slots, Tensor latent, Tensor ropeKey) {
            return new Args(cache, slots, latent, ropeKey, null);
        }

        /// {@return these with the number of live rows}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(cache, slots, latent, ropeKey, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("cache", cache)
                    .read("slots", slots)
                    .write("latent", latent)
                    .write("ropeKey", ropeKey)
                    .read("activeRows", activeRows);
        }
    }

    public CacheGather {
        Require.positive("maxRows", maxRows);
        Objects.requireNonNull(cache, "cache");
        Require.activation("out", out);
    }

    /// {@return a gather of up to `maxRows` rows}
    public static CacheGather of(int maxRows, CacheFormat cache, DType out) {
        return new CacheGather(maxRows, cache, out);
    }

    @Override
    public void validate(Args args) {
        CacheFormats.require("cache", args.cache, cache);
        long rows = Require.rows("slots", args.slots, DType.I32, maxRows);
        Require.tensor("latent", args.latent, out, rows, cache.latentDim());
        Require.tensor("ropeKey", args.ropeKey, out, rows, cache.ropeDim());
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.slots.dim(0));
    }

    private Cost cost(double rows) {
        return new Cost(
                0, rows * (4.0 + out.bytes(cache.rowDim()) + CacheFormats.bytesPerRow(cache)));
    }
}

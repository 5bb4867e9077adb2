package dev.halcyon.hal;

import dev.halcyon.hal.memory.DType;

import java.util.Objects;

/// What a plan promises about its numbers.
///
/// A kernel may promise batch invariance when every element is computed in an order that depends on
/// the spec and on the row alone. The promise is about the plan, so it may be made although the
/// spec did not ask for it; a plan that lacks it is refused where the spec did.
///
/// Subnormal numbers are no part of the promise: hardware for narrow products may take subnormal
/// factors, products and sums as zero.
///
/// @param accumulate type of the accumulators
/// @param batchInvariant whether a row's result is the same bits whatever else is in the batch and
///   whatever the row bound of the plan
/// @param reproducible whether equal inputs give equal bits on every run, for any number of threads
public record Numerics(DType accumulate, boolean batchInvariant, boolean reproducible) {
    /// F32 accumulators, batch-invariant and reproducible.
    public static final Numerics F32_INVARIANT = new Numerics(DType.F32, true, true);

    public Numerics {
        Objects.requireNonNull(accumulate, "accumulate");
    }
}

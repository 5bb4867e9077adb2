package dev.halcyon.bench.problem;

import dev.halcyon.hal.memory.DType;

/// One decode step of absorbed latent attention: one query of every head over the cached rows of
/// one sequence.
///
/// The rows are BF16, the latent part first. A softmax over all rows does not depend on their
/// order, so it does not matter in which pages they lie.
///
/// @param heads query heads
/// @param latent values of the latent part
/// @param rope values of the rope part
/// @param length cached rows
public record DecodeProblem(int heads, int latent, int rope, int length) implements Problem {
    /// Exponent of the cache's magnitudes.
    public static final int CACHE_EXPONENT = -1;

    /// Exponent of the query's.
    public static final int QUERY_EXPONENT = -2;

    private static final int NOPE = 128;

    /// {@return a step of the usual 512 and 64 values}
    public static DecodeProblem of(int heads, int length) {
        return new DecodeProblem(heads, 512, 64, length);
    }

    /// {@return values of a row}
    public int rowDim() {
        return latent + rope;
    }

    /// {@return the softmax scale of 128 unrotated values a head}
    public double scale() {
        return 1 / Math.sqrt((double) NOPE + rope);
    }

    @Override
    public String suite() {
        return "mla";
    }

    @Override
    public String title() {
        return "decode " + heads + " heads, " + length + " tokens";
    }

    @Override
    public DType dtype() {
        return DType.BF16;
    }

    @Override
    public long coldBytes() {
        return bytesPerCopy();
    }

    @Override
    public long bytesPerCopy() {
        return DType.BF16.bytes((long) length * rowDim());
    }

    @Override
    public long resultElements() {
        return (long) heads * latent;
    }

    @Override
    public double roughFlops() {
        return 2.0 * heads * length * (rowDim() + (double) latent);
    }

    @Override
    public double tolerance() {
        return Tolerances.chain(DType.BF16, rowDim(), 2);
    }
}

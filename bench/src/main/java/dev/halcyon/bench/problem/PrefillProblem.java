package dev.halcyon.bench.problem;

import dev.halcyon.hal.memory.DType;

/// Causal attention of a prompt over itself in the naive form of latent attention.
///
/// @param heads attention heads
/// @param nope values of a head's unrotated part
/// @param rope values of a head's rotated part, whose key all heads share
/// @param value values of a head's value
/// @param tokens tokens of the prompt
/// @param dtype element type of everything
public record PrefillProblem(int heads, int nope, int rope, int value, int tokens, DType dtype)
        implements Problem {
    /// Exponent of all magnitudes.
    public static final int EXPONENT = -1;

    /// {@return attention of DeepSeek-V2-Lite's sizes}
    public static PrefillProblem v2Lite(int tokens, DType dtype) {
        return new PrefillProblem(16, 128, 64, 128, tokens, dtype);
    }

    /// {@return the softmax scale}
    public double scale() {
        return 1 / Math.sqrt((double) nope + rope);
    }

    @Override
    public String suite() {
        return "mla";
    }

    @Override
    public String title() {
        return "prefill " + dtype + " " + heads + " heads, " + tokens + " tokens, causal";
    }

    @Override
    public long coldBytes() {
        return 0;
    }

    @Override
    public long bytesPerCopy() {
        long rowDims = heads * (2L * nope + rope + 2L * value) + rope;
        return dtype.bytes(tokens * rowDims);
    }

    @Override
    public long resultElements() {
        return (long) tokens * heads * value;
    }

    @Override
    public double roughFlops() {
        return (double) heads * tokens * tokens * (nope + rope + value);
    }

    @Override
    public double tolerance() {
        return Tolerances.chain(dtype, nope + (long) rope, 2);
    }
}

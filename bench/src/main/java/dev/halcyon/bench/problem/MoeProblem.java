package dev.halcyon.bench.problem;

import com.fasterxml.jackson.annotation.JsonIgnore;

import dev.halcyon.hal.memory.DType;

import java.util.Arrays;

/// A mixture-of-experts layer as Moonlight has it: a biased sigmoid router, `topK` experts a token,
/// SwiGLU inside, no shared expert.
///
/// A single token is sent, by the router's bias, to a block of `topK` experts that moves on at
/// every run; several tokens choose for themselves. Activations are BF16.
///
/// @param tokens tokens a run
/// @param hidden width of the residual stream
/// @param expertDim width inside an expert
/// @param experts number of experts
/// @param topK experts a token
/// @param dtype BF16, or F8_E4M3 for DeepSeek-V3's block-scaled weights
/// @param cold whether weights must come from memory
public record MoeProblem(
        int tokens, int hidden, int expertDim, int experts, int topK, DType dtype, boolean cold)
        implements Problem {
    /// Exponent of the activations' magnitudes.
    public static final int INPUT_EXPONENT = -1;

    /// Exponent of the router's.
    public static final int ROUTER_EXPONENT = -7;

    /// Exponent of the experts' weights; of the values of block-scaled ones 0, their scales having
    /// this one.
    public static final int WEIGHT_EXPONENT = -6;

    /// What the routed weights are multiplied by.
    public static final double SCALE = 2.446;

    /// A bias that no score reaches: it decides by itself.
    public static final float STEERING_BIAS = 4;

    private static final int MATRICES = 3;

    /// {@return a layer of Moonlight's size}
    public static MoeProblem moonlight(int tokens, DType weights, boolean cold) {
        return new MoeProblem(tokens, 2048, 1408, 64, 6, weights, cold);
    }

    /// {@return whether the bias chooses the experts}
    @JsonIgnore
    public boolean isSteered() {
        return tokens == 1;
    }

    /// {@return the number of biases that runs use in turn: blocks of experts, or one that says
    /// nothing}
    public int biases() {
        return isSteered() ? experts / topK : 1;
    }

    /// {@return the router's bias of a turn}
    public float[] bias(int turn) {
        float[] bias = new float[experts];
        if (isSteered()) {
            int first = turn % biases() * topK;
            Arrays.fill(bias, first, first + topK, STEERING_BIAS);
        }
        return bias;
    }

    /// {@return the bytes of one expert's three matrices}
    public long expertBytes() {
        return MATRICES * dtype.bytes((long) hidden * expertDim);
    }

    @Override
    public String suite() {
        return "moe";
    }

    @Override
    public String title() {
        return "layer "
                + dtype
                + " "
                + experts
                + "x"
                + expertDim
                + ", hidden "
                + hidden
                + ", top "
                + topK
                + ", "
                + tokens
                + (tokens == 1 ? " token" : " tokens");
    }

    @Override
    public long coldBytes() {
        return cold ? Math.min(experts, (long) biases() * tokens * topK) * expertBytes() : 0;
    }

    @Override
    public long bytesPerCopy() {
        return experts * expertBytes();
    }

    @Override
    public long resultElements() {
        return (long) tokens * hidden;
    }

    @Override
    public double roughFlops() {
        return 6.0 * tokens * topK * hidden * expertDim;
    }

    @Override
    public double tolerance() {
        return Tolerances.chain(DType.BF16, hidden, MATRICES);
    }
}

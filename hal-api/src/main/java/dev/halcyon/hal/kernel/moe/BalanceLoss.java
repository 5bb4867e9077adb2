package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// The sequence-wise balance loss of a batch, averaged over its sequences.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `scores` | `F32 [T, experts]` | unbiased scores from [MoeGate], T up to `maxTokens` |
/// | `indices` | `I32 [T, topK]` | the chosen experts; -1 counts nowhere |
/// | `sequenceStart` | `I32 [B + 1]` | first token of each sequence and the end of the last, not descending |
/// | `loss` | `F32 [1]` | the result |
///
/// For a sequence of n tokens,
///
/// ```
/// f_e = experts / (topK · n) · #{t: e chosen for t}
/// P_e = 1/n · Σ_t s[t, e] / Σ_j s[t, j]
/// ```
///
/// and its loss is `alpha · Σ_e f_e · P_e`: `alpha` exactly when the load or the scores are even.
/// The result is the mean over the sequences that have tokens, 0 if none has. Sums run in F32 at
/// least, in an order that depends on the shapes alone. An index that is no expert counts nowhere,
/// a sequence outside the tokens is left out, and both raise the fault word.
///
/// Source: the complementary sequence-wise loss of DeepSeek-V3 and V4 (alpha 1e-4).
///
/// @param maxTokens upper bound of the number of tokens
/// @param maxSequences upper bound of the number of sequences
/// @param experts experts of the layer
/// @param topK choices a token
/// @param alpha weight of the loss
public record BalanceLoss(int maxTokens, int maxSequences, int experts, int topK, double alpha)
        implements KernelSpec<BalanceLoss.Args> {
    /// Operands, as tabled at [BalanceLoss].
    public record Args(Tensor scores, Tensor indices, Tensor sequenceStart, Tensor loss)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(scores, "scores");
            Objects.requireNonNull(indices, "indices");
            Objects.requireNonNull(sequenceStart, "sequenceStart");
            Objects.requireNonNull(loss, "loss");
        }

        /// {@return arguments that write `loss`}
        public static Args of(Tensor scores, Tensor indices, Tensor sequenceStart, Tensor loss) {
            return new Args(scores, indices, sequenceStart, loss);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("scores", scores)
                    .read("indices", indices)
                    .read("sequenceStart", sequenceStart)
                    .write("loss", loss);
        }
    }

    public BalanceLoss {
        Require.positive("maxTokens", maxTokens);
        Require.between("maxSequences", maxSequences, 1, Integer.MAX_VALUE - 1);
        Require.positive("experts", experts);
        Require.between("topK", topK, 1, experts);
        Require.positive("alpha", alpha);
    }

    /// {@return the loss of DeepSeek-V3 and V4, with a weight of 1e-4}
    public static BalanceLoss of(int maxTokens, int maxSequences, int experts, int topK) {
        return new BalanceLoss(maxTokens, maxSequences, experts, topK, 1e-4);
    }

    /// {@return this loss with another weight}
    public BalanceLoss withAlpha(double weight) {
        return new BalanceLoss(maxTokens, maxSequences, experts, topK, weight);
    }

    @Override
    public void validate(Args args) {
        long tokens = Require.rows("scores", args.scores, DType.F32, maxTokens, experts);
        Require.tensor("indices", args.indices, DType.I32, tokens, topK);
        long entries =
                Require.rows("sequenceStart", args.sequenceStart, DType.I32, maxSequences + 1L);
        Require.that(
                entries >= 1,
                "sequenceStart must have one entry more than there are sequences, not " + entries);
        Require.tensor("loss", args.loss, DType.F32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxTokens, maxSequences);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.scores.dim(0), args.sequenceStart.dim(0) - 1.0);
    }

    private Cost cost(double tokens, double sequences) {
        double flops = 3.0 * tokens * experts + 2.0 * sequences * experts;
        return new Cost(flops, 4.0 * (tokens * experts + tokens * topK + sequences + 2.0));
    }
}

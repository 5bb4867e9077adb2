package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// MoeGate.
public record MoeGate(int maxTokens, int hidden, int experts, int topK, Score score, int groups, int keptGroups, GroupScore groupScore, boolean bias, boolean normalise, double scale, int hashVocab, DType x, DType weight) implements KernelSpec<MoeGate.Args> {
    /// Score.
    public enum Score { SIGMOID, SOFTMAX, SQRT_SOFTPLUS }

    /// GroupScore.
    public enum GroupScore { TOP2_SUM, MAX }

    /// Arguments.
    public record Args(Tensor x, Tensor weight, @Nullable Tensor bias, @Nullable Tensor tokenIds, @Nullable Tensor expertTable, Tensor indices, Tensor weights, @Nullable Tensor scores, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("x", x).read("weight", weight).read("bias", bias).read("tokenIds", tokenIds).read("expertTable", expertTable).write("indices", indices).write("weights", weights).write("scores", scores).read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}

package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;

/// BalanceLoss.
public record BalanceLoss(int maxTokens, int maxSequences, int experts, int topK, double alpha) implements KernelSpec<BalanceLoss.Args> {
    /// Arguments.
    public record Args(Tensor scores, Tensor indices, Tensor sequenceStart, Tensor loss) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("scores", scores).read("indices", indices).read("sequenceStart", sequenceStart).write("loss", loss);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}

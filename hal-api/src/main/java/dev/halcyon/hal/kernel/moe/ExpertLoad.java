package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;
import org.jspecify.annotations.Nullable;

/// ExpertLoad.
public record ExpertLoad(int maxTokens, int topK, int experts, boolean add) implements KernelSpec<ExpertLoad.Args> {
    /// Arguments.
    public record Args(Tensor indices, Tensor load, @Nullable Tensor activeRows) implements KernelArgs {
        @Override
        public Operands operands() {
            return Operands.of().read("indices", indices).update("load", load).read("activeRows", activeRows);
        }
    }

    @Override
    public void validate(Args args) {}

    @Override
    public Cost cost() {
        return Cost.ZERO;
    }
}
